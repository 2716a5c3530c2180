import { Button, Textarea } from '@mantine/core'
import { IconClock } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { WorkflowStepShown, WholeRunShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { useAct } from '../../parts/act'
import { Command } from '../../parts/Empty'
import { Ltr } from '../../parts/Ltr'

/** What ends the waiting of a step, and the way there. */
export function WaitsFor({ run, step }: { run: WholeRunShown; step: WorkflowStepShown }) {
  const { t } = useTranslation()
  const [what, ...rest] = step.waits_for.split(':')
  const id = rest.join(':')
  switch (what) {
    case 'approval':
      return (
        <Button component={Link} to={`/approvals?id=${id}`} size="sm" fullWidth>
          {t('run.openApproval')}
        </Button>
      )
    case 'run':
      return (
        <div className="row-gap">
          {t('workflows.waits.run')}
          <Link to="/workflow-runs/$run" params={{ run: id }} className="strong-link">
            <Ltr mono>{id}</Ltr>
          </Link>
        </div>
      )
    case 'action':
      return (
        <div className="said">
          <div className="t-deny">{t('workflows.waits.action')}</div>
          <Command text={`remit reconcile ${id} --status ok`} />
        </div>
      )
    case 'event':
      return <Event run={run.run} name={id} />
    case 'stop':
      return <div className="t-hold">{t('workflows.waits.stop')}</div>
    default:
      return (
        <div className="row-gap">
          <IconClock size={15} aria-hidden /> {t('workflows.waits.time')}
        </div>
      )
  }
}

/** Tell a run what it waits to hear. */
function Event({ run, name }: { run: string; name: string }) {
  const { t } = useTranslation()
  const may = useMay('operator', 'admin')
  const [text, setText] = useState('')
  const data = dataOf(text)
  const tell = useAct(
    () => answer(api.POST('/api/v1/workflow-runs/{run}/events', { params: { path: { run } }, body: { name, data: data ?? null, id: '' } })),
    { said: () => t('workflows.told'), changes: ['workflow-run'] },
  )
  return (
    <div className="said">
      <div>
        {t('workflows.waits.event')} <Ltr mono>{name}</Ltr>
      </div>
      {may && (
        <>
          <Textarea
            size="xs"
            dir="ltr"
            label={t('workflows.eventData')}
            placeholder="{…}"
            value={text}
            autosize
            minRows={2}
            error={data === undefined && t('workflows.mistake.json')}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button size="xs" variant="default" disabled={data === undefined} loading={tell.isPending} onClick={() => tell.mutate(undefined)}>
            {t('workflows.tell')}
          </Button>
        </>
      )}
    </div>
  )
}

/** The JSON of a text, null for none, undefined for what is no JSON. */
function dataOf(text: string): unknown {
  if (text.trim() === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
