import { Button, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, answerOr, api } from '../../api/client'
import type { WhatIfShown } from '../../api/schema'
import { language } from '../../i18n'
import { Ltr } from '../../parts/Ltr'
import { Said } from '../../parts/Said'
import { Verdict } from '../../parts/Verdict'

/** What would be decided of an action that nobody attempts. */
export function WhatIf() {
  const { t } = useTranslation()
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  const tools = useQuery({ queryKey: ['tools'], queryFn: () => answerOr({ release: '', tools: [] }, api.GET('/api/v1/tools')) })
  const [agent, setAgent] = useState<string | null>(null)
  const [tool, setTool] = useState<string | null>(null)
  const [user, setUser] = useState('user:test')
  const [text, setText] = useState('{}')
  const asking = useMutation({
    mutationFn: () =>
      answer(
        api.POST('/api/v1/policies/test', {
          body: {
            agent: agent ?? '',
            tool: tool ?? '',
            on_behalf_of: user,
            arguments: JSON.parse(text) as Record<string, never>,
            language: language(),
          },
        }),
      ),
  })
  const unreadable = isObject(text) ? null : t('policies.noObject')
  return (
    <section className="card what-if" aria-label={t('policies.whatIf')}>
      <div className="card-head">
        <h2>{t('policies.whatIf')}</h2>
      </div>
      <form
        style={{ padding: 16 }}
        onSubmit={(event) => {
          event.preventDefault()
          asking.mutate()
        }}
      >
        <Stack gap="sm">
          <Select size="xs" label={t('agents.agent')} data={(agents.data?.agents ?? []).map((each) => each.name)} value={agent} onChange={setAgent} searchable />
          <Select size="xs" label={t('tools.tool')} data={(tools.data?.tools ?? []).map((each) => each.name)} value={tool} onChange={setTool} searchable />
          <TextInput size="xs" label={t('runs.user')} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
          <Textarea
            size="xs"
            label={t('approvals.arguments')}
            autosize
            minRows={4}
            maxRows={12}
            value={text}
            error={unreadable}
            onChange={(event) => setText(event.currentTarget.value)}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', direction: 'ltr' } }}
          />
          <Button type="submit" size="xs" leftSection={<IconPlayerPlay size={15} />} disabled={!agent || !tool || unreadable !== null} loading={asking.isPending}>
            {t('policies.decide')}
          </Button>
          {asking.error && <Said error={asking.error} />}
          {asking.data && <Decided found={asking.data} />}
        </Stack>
      </form>
    </section>
  )
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function Decided({ found }: { found: WhatIfShown }) {
  return (
    <div className="note" style={{ display: 'grid', gap: 6 }} aria-live="polite">
      <Verdict word={found.verdict} pill />
      {found.words.map((words) => (
        <bdi key={words}>{words}</bdi>
      ))}
      {found.policies.map((policy) => (
        <Ltr key={policy} mono>
          {policy}
        </Ltr>
      ))}
    </div>
  )
}
