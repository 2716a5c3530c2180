import { Autocomplete, Button, Group, Popover, Radio, Select, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconHandStop } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../api/client'
import { useMay } from '../api/session'
import { useAct } from '../parts/act'
import { Ltr } from '../parts/Ltr'
import { freeze } from './stops'

const KINDS = ['agent', 'tool', 'model', 'team', 'user', 'run'] as const
type Kind = (typeof KINDS)[number]
const OTHER = 'other'

/** Freeze from any page: what is looked at, or everything. Reversible, so one click more asks nothing. */
export function StopButton() {
  const { t } = useTranslation()
  const may = useMay('operator', 'approver', 'admin')
  const [opened, { toggle, close }] = useDisclosure(false)
  if (!may) return null
  return (
    <Popover opened={opened} onChange={close} position="bottom-end" width={340} shadow="md" trapFocus>
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
  const targets = [...near, 'workspace', OTHER]
  const [chosen, setChosen] = useState(targets[0])
  const [kind, setKind] = useState<Kind>('agent')
  const [name, setName] = useState('')
  const [reason, setReason] = useState('')
  const target = chosen === OTHER ? `${kind}:${name.trim()}` : chosen
  const stopping = useAct(() => freeze(target, reason), {
    said: () => t('frame.stop.frozen', { target }),
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
            {targets.map((each) => (
              <Radio key={each} value={each} size="xs" label={labelOf(each, t)} />
            ))}
          </Stack>
        </Radio.Group>
        {chosen === OTHER && <Named kind={kind} setKind={setKind} name={name} setName={setName} />}
        <TextInput
          size="xs"
          label={t('frame.stop.reason')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        <Button
          type="submit"
          color="red"
          size="xs"
          disabled={chosen === OTHER && name.trim() === ''}
          loading={stopping.isPending}
          leftSection={<IconHandStop size={15} />}
        >
          {t('frame.stop.freeze')}
        </Button>
        <div className="sub" style={{ fontSize: 12 }}>
          {t('frame.stop.reversible')}
        </div>
      </Stack>
    </form>
  )
}

function labelOf(target: string, t: (key: string) => string) {
  if (target === 'workspace') return t('frame.stop.everything')
  return target === OTHER ? t('frame.stop.other') : <Ltr mono>{target}</Ltr>
}

interface NamedProps {
  kind: Kind
  setKind: (kind: Kind) => void
  name: string
  setName: (name: string) => void
}

/** Any agent, tool, model, team, person or run by its name. */
function Named({ kind, setKind, name, setName }: NamedProps) {
  const { t } = useTranslation()
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  const tools = useQuery({ queryKey: ['tools'], queryFn: () => answerOr({ release: '', tools: [] }, api.GET('/api/v1/tools')) })
  const known = agents.data?.agents ?? []
  const names: Record<Kind, string[]> = {
    agent: known.map((each) => each.name),
    tool: (tools.data?.tools ?? []).map((each) => each.name),
    model: [...new Set(known.flatMap((each) => each.models))],
    team: [...new Set(known.flatMap((each) => (each.team ? [each.team] : [])))],
    user: [],
    run: [],
  }
  return (
    <Group gap={8} wrap="nowrap">
      <Select
        size="xs"
        w={110}
        aria-label={t('frame.stop.kind')}
        data={KINDS.map((each) => ({ value: each, label: t(`frame.stop.kinds.${each}`) }))}
        value={kind}
        allowDeselect={false}
        comboboxProps={{ withinPortal: false }}
        onChange={(value) => setKind(value as Kind)}
      />
      <Autocomplete
        size="xs"
        style={{ flex: 1 }}
        aria-label={t('frame.stop.name')}
        placeholder={t('frame.stop.name')}
        data={names[kind]}
        value={name}
        comboboxProps={{ withinPortal: false }}
        onChange={setName}
      />
    </Group>
  )
}
