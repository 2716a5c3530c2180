import { Button, Popover, Textarea } from '@mantine/core'
import type { Icon } from '@tabler/icons-react'
import { IconArrowBackUp, IconPlayerStop, IconRepeat, IconTransfer } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { DefinedStep, WholeRunShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { useAct } from '../../parts/act'
import { UNDO } from '../workflows/progress'
import { workflowQuery } from '../workflows/queries'
import { OVER } from '../workflows/states'

/** What can be done about a run as it stands: end it, do it again, take it on to the release in use. */
export function Acts({ run }: { run: WholeRunShown }) {
  const may = useMay('operator', 'admin')
  if (!may) return null
  const isOver = OVER.includes(run.state)
  return (
    <>
      {run.state === 'waiting' && <Move run={run} />}
      {!isOver && <Cancel run={run} />}
      {isOver && run.state !== 'succeeded' && <Retry run={run} path="" isFirst />}
      {isOver && mayBeUndone(run) && <Undo run={run} />}
    </>
  )
}

/** Whether a run has done something that nobody has undone yet, as one that was given up may have. */
function mayBeUndone(run: WholeRunShown): boolean {
  const isAnothers = run.error.startsWith('moved to')
  return !isAnothers && run.steps.some((step) => step.state === 'done') && !run.steps.some((step) => step.path.startsWith(UNDO))
}

function Cancel({ run }: { run: WholeRunShown }) {
  const { t } = useTranslation()
  const [isOpen, open] = useState(false)
  const cancel = useAct(
    ({ how, reason }: { how: 'cancel' | 'terminate'; reason: string }) =>
      answer(api.POST('/api/v1/workflow-runs/{run}/cancel', { params: { path: { run: run.run } }, body: { how, reason } })),
    { said: () => t('workflows.isCancelled'), changes: ['workflow-run', 'workflow-runs'], then: () => open(false) },
  )
  return (
    <AsksWhy Sign={IconPlayerStop} label={t('workflows.cancel')} told={t('workflows.cancelTold')} isOpen={isOpen} open={open}>
      {(reason) => (
        <>
          <Button size="xs" color="red" loading={cancel.isPending} onClick={() => cancel.mutate({ how: 'cancel', reason })}>
            {t('workflows.cancelNow')}
          </Button>
          <Button size="xs" color="red" variant="light" loading={cancel.isPending} onClick={() => cancel.mutate({ how: 'terminate', reason })}>
            {t('workflows.terminateNow')}
          </Button>
          <div className="quiet">{t('workflows.terminateTold')}</div>
        </>
      )}
    </AsksWhy>
  )
}

/** Undo what a run has done that is over; nothing is offered where no step says what undoes it. */
function Undo({ run }: { run: WholeRunShown }) {
  const { t } = useTranslation()
  const [isOpen, open] = useState(false)
  const defined = useQuery(workflowQuery(run.workflow, run.release))
  const undo = useAct(
    (reason: string) => answer(api.POST('/api/v1/workflow-runs/{run}/undo', { params: { path: { run: run.run } }, body: { reason } })),
    { said: () => t('workflows.isUndone'), changes: ['workflow-run', 'workflow-runs'], then: () => open(false) },
  )
  if (!defined.data || !undoes(defined.data.steps)) return null
  return (
    <AsksWhy Sign={IconArrowBackUp} label={t('workflows.undoAll')} told={t('workflows.undoTold')} isOpen={isOpen} open={open}>
      {(reason) => (
        <Button size="xs" color="red" loading={undo.isPending} onClick={() => undo.mutate(reason)}>
          {t('workflows.undoNow')}
        </Button>
      )}
    </AsksWhy>
  )
}

interface Asking {
  Sign: Icon
  label: string
  told: string
  isOpen: boolean
  open: (isOpen: boolean) => void
  /** The buttons that do it, for the reason given. */
  children: (reason: string) => ReactNode
}

/** A button that says what it leads to and asks why before it is done. */
function AsksWhy({ Sign, label, told, isOpen, open, children }: Asking) {
  const { t } = useTranslation()
  const [reason, setReason] = useState('')
  return (
    <Popover opened={isOpen} onChange={open} position="bottom-end" width={340} shadow="md" trapFocus withRoles>
      <Popover.Target>
        <Button size="xs" variant="default" leftSection={<Sign size={14} aria-hidden />} onClick={() => open(!isOpen)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>
        <div className="asked">
          <div className="sub">{told}</div>
          <Textarea
            size="xs"
            label={t('workflows.why')}
            value={reason}
            maxLength={400}
            autosize
            minRows={2}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {children(reason.trim())}
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

const undoes = (steps: DefinedStep[]): boolean =>
  steps.some((step) => step.compensate !== '' || Object.values(step.ways).some((way) => undoes(way)))

/** Do a run again from a step, or from what failed, as a new run. */
export function Retry({ run, path, isFirst = false }: { run: WholeRunShown; path: string; isFirst?: boolean }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const now = useQuery(workflowQuery(run.workflow))
  const isOld = now.data !== undefined && now.data.release !== run.release
  const retry = useAct(
    (release: 'same' | 'active') =>
      answer(api.POST('/api/v1/workflow-runs/{run}/retry', { params: { path: { run: run.run } }, body: { path, release } })),
    {
      said: () => t('workflows.retried'),
      changes: ['workflow-runs'],
      then: (made) => void navigate({ to: '/workflow-runs/$run', params: { run: made.run } }),
    },
  )
  return (
    <>
      <Button
        size="xs"
        variant={isFirst ? 'filled' : 'default'}
        leftSection={<IconRepeat size={14} aria-hidden />}
        loading={retry.isPending}
        onClick={() => retry.mutate('same')}
      >
        {isFirst ? t('workflows.retry') : t('workflows.retryFrom')}
      </Button>
      {isOld && (
        <Button size="xs" variant="default" loading={retry.isPending} onClick={() => retry.mutate('active')}>
          {t('workflows.retryActive')}
        </Button>
      )}
    </>
  )
}

function Move({ run }: { run: WholeRunShown }) {
  const { t } = useTranslation()
  const now = useQuery(workflowQuery(run.workflow))
  const move = useAct(() => answer(api.POST('/api/v1/workflow-runs/{run}/move', { params: { path: { run: run.run } } })), {
    said: () => t('workflows.moved'),
    changes: ['workflow-run', 'workflow-runs'],
  })
  if (now.data === undefined || now.data.release === run.release) return null
  return (
    <Button size="xs" variant="default" leftSection={<IconTransfer size={14} aria-hidden />} loading={move.isPending} onClick={() => move.mutate(undefined)}>
      {t('workflows.move')}
    </Button>
  )
}
