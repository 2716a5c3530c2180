import { Button, Popover, Radio, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconHandStop } from '@tabler/icons-react'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useMay } from '../api/session'
import { useAct } from '../parts/act'
import { Ltr } from '../parts/Ltr'
import { freeze } from './stops'

/** Freeze from any page: what is looked at, or everything. Reversible, so one click more asks nothing. */
export function StopButton() {
  const { t } = useTranslation()
  const may = useMay('operator', 'approver', 'admin')
  const [opened, { toggle, close }] = useDisclosure(false)
  if (!may) return null
  return (
    <Popover opened={opened} onChange={close} position="bottom-end" width={320} shadow="md" trapFocus>
      <Popover.Target>
        <Button size="xs" color="red" variant="light" leftSection={<IconHandStop size={15} />} onClick={toggle}>
          {t('frame.stop.button')}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Scopes close={close} />
      </Popover.Dropdown>
    </Popover>
  )
}

function Scopes({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const seen = useParams({ strict: false }) as Record<string, string | undefined>
  const near = (['run', 'agent', 'tool'] as const).filter((kind) => seen[kind]).map((kind) => `${kind}:${seen[kind]}`)
  const targets = [...near, 'workspace']
  const [chosen, setChosen] = useState(targets[0])
  const [reason, setReason] = useState('')
  const stopping = useAct(() => freeze(chosen, reason), {
    said: () => t('frame.stop.frozen', { target: chosen }),
    changes: ['stops', 'runs', 'agents'],
    then: close,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        stopping.mutate(undefined)
      }}
    >
      <Stack gap="sm">
        <Radio.Group label={t('frame.stop.scope')} value={chosen} onChange={setChosen}>
          <Stack gap={6} mt={6}>
            {targets.map((target) => (
              <Radio
                key={target}
                value={target}
                size="xs"
                label={target === 'workspace' ? t('frame.stop.everything') : <Ltr mono>{target}</Ltr>}
              />
            ))}
          </Stack>
        </Radio.Group>
        <TextInput
          size="xs"
          label={t('frame.stop.reason')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        <Button type="submit" color="red" size="xs" loading={stopping.isPending} leftSection={<IconHandStop size={15} />}>
          {t('frame.stop.freeze')}
        </Button>
        <div className="sub" style={{ fontSize: 12 }}>
          {t('frame.stop.reversible')}
        </div>
      </Stack>
    </form>
  )
}
