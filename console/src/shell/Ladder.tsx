import { Button, Popover, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { StopShown } from '../api/schema'
import { useMay } from '../api/session'
import { useAct } from '../parts/act'
import { lift, reactivate, terminate } from './stops'

const CHANGES = ['stops', 'runs', 'run', 'agents', 'overview']
/** What a termination can end; of a tool or a model there is nothing that runs. */
const ENDS = /^(run|agent|team|user|workspace)\b/
const ANEW = /^(agent|team|user|workspace)\b/

/** The steps behind a freeze, each with a reason: let go, or end for good. A freeze itself asks nothing. */
export function Ladder({ stop }: { stop: StopShown }) {
  const { t } = useTranslation()
  const mayLift = useMay('operator', 'admin')
  const mayEnd = useMay('admin')
  const isEnded = stop.kind === 'termination'
  return (
    <span className="ladder">
      {!isEnded && mayLift && (
        <Rung
          label={t('frame.stop.unfreeze')}
          told={t('frame.stop.unfreezeTold')}
          said={t('frame.stop.lifted', { target: stop.target })}
          act={(reason) => lift(stop.target, reason)}
        />
      )}
      {!isEnded && mayEnd && ENDS.test(stop.target) && (
        <Rung
          label={t('frame.stop.terminate')}
          told={t('frame.stop.terminateTold')}
          said={t('frame.stop.terminated', { target: stop.target })}
          typed={stop.target}
          act={(reason) => terminate(stop.target, reason)}
        />
      )}
      {isEnded && mayEnd && ANEW.test(stop.target) && (
        <Rung
          label={t('frame.stop.anew')}
          told={t('frame.stop.anewTold')}
          said={t('frame.stop.lifted', { target: stop.target })}
          act={(reason) => reactivate(stop.target, reason)}
        />
      )}
    </span>
  )
}

interface Props {
  label: string
  told: string
  said: string
  /** What has to be typed first, where there is no way back. */
  typed?: string
  act: (reason: string) => Promise<unknown>
}

function Rung({ label, told, said, typed, act }: Props) {
  const { t } = useTranslation()
  const [opened, setOpened] = useState(false)
  const [reason, setReason] = useState('')
  const [name, setName] = useState('')
  const acting = useAct(() => act(reason.trim()), { said: () => said, changes: CHANGES, then: () => setOpened(false) })
  const isReady = reason.trim() !== '' && (typed === undefined || name === typed)
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={320} shadow="md" trapFocus>
      <Popover.Target>
        <Button size="compact-xs" variant="default" onClick={() => setOpened(!opened)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (isReady) acting.mutate(undefined)
          }}
        >
          <Stack gap="sm">
            <div className="sub">{told}</div>
            <TextInput size="xs" label={t('frame.stop.reason')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
            {typed !== undefined && (
              <TextInput size="xs" label={t('frame.stop.typeName', { name: typed })} value={name} onChange={(event) => setName(event.currentTarget.value)} dir="ltr" />
            )}
            <Button type="submit" size="xs" color={typed === undefined ? undefined : 'red'} disabled={!isReady} loading={acting.isPending}>
              {t('frame.stop.do', { what: label })}
            </Button>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}
