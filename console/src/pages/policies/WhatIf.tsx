import { Button, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, answerOr, api } from '../../api/client'
import type { WhatIfShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { language } from '../../i18n'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Said } from '../../parts/Said'
import { useSearchText } from '../../parts/useSearchText'
import { Verdict } from '../../parts/Verdict'
import { useReleases } from '../../parts/versions'
import { reachQuery } from './Reach'

/** An action that nobody attempts, as one has written it down so far. */
interface Asked {
  agent: string | null
  tool: string | null
  user: string
  text: string
  release: string | null
}

const EMPTY: Asked = { agent: null, tool: null, user: 'user:test', text: '{}', release: null }

/** What would be decided of an action that nobody attempts: made up, or a recorded one with something changed. */
export function WhatIf() {
  const { t } = useTranslation()
  const [recorded, choose] = useSearchText('action')
  return (
    <section className="card what-if" aria-label={t('policies.whatIf')}>
      <div className="card-head">
        <h2>{t('policies.whatIf')}</h2>
      </div>
      <div style={{ padding: 16 }}>
        <Recorded chosen={recorded} choose={choose} />
        {recorded === '' ? <Form key="" begun={EMPTY} /> : <FromRecord key={recorded} action={recorded} />}
      </div>
    </section>
  )
}

/** One action of each kind that was decided lately; any other is opened from its step in a run. */
function Recorded({ chosen, choose }: { chosen: string; choose: (action: string) => void }) {
  const { t } = useTranslation()
  const reach = useQuery(reachQuery)
  const known = new Map((reach.data?.touched ?? []).map((each) => [each.action, `${each.agent} · ${each.target} · ${t(`frame.verdict.${each.verdict}`)}`]))
  if (chosen !== '' && !known.has(chosen)) known.set(chosen, chosen)
  if (known.size === 0) return null
  return (
    <Select
      size="xs"
      mb="sm"
      label={t('policies.recorded')}
      placeholder={t('policies.madeUp')}
      data={[...known].map(([value, label]) => ({ value, label }))}
      value={chosen || null}
      onChange={(value) => choose(value ?? '')}
      clearable
      searchable
    />
  )
}

function FromRecord({ action }: { action: string }) {
  const { t } = useTranslation()
  const mayRead = useMay('auditor', 'admin')
  const begun = useQuery({
    queryKey: ['what-if', action, mayRead],
    staleTime: Infinity, // reading arguments is put on record
    queryFn: async (): Promise<Asked> => {
      const path = { action }
      const found = await answer(api.GET('/api/v1/actions/{action}', { params: { path } }))
      const said = mayRead ? await answer(api.GET('/api/v1/actions/{action}/payload', { params: { path } })) : null
      const given = Object.fromEntries((said?.arguments ?? []).filter((each) => !each.masked).map((each) => [each.name, each.value]))
      return { agent: found.agent, tool: found.target, user: found.on_behalf_of, text: JSON.stringify(given, null, 2), release: null }
    },
  })
  return (
    <Loaded query={begun}>
      {(found) => (
        <>
          <div className="sub" style={{ marginBottom: 8, fontSize: 12 }}>
            {mayRead ? t('policies.readOnRecord') : t('policies.argumentsSealed')}
          </div>
          <Form begun={found} />
        </>
      )}
    </Loaded>
  )
}

function Form({ begun }: { begun: Asked }) {
  const { t } = useTranslation()
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  const tools = useQuery({ queryKey: ['tools'], queryFn: () => answerOr({ release: '', tools: [] }, api.GET('/api/v1/tools')) })
  const [asked, setAsked] = useState(begun)
  const { agent, tool, user, text, release } = asked
  const asking = useMutation({
    mutationFn: () =>
      answer(
        api.POST('/api/v1/policies/test', {
          body: {
            agent: agent ?? '',
            tool: tool ?? '',
            on_behalf_of: user,
            arguments: JSON.parse(text) as Record<string, never>,
            release: release ?? '',
            language: language(),
          },
        }),
      ),
  })
  const unreadable = isObject(text) ? null : t('policies.noObject')
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        asking.mutate()
      }}
    >
      <Stack gap="sm">
        <Select size="xs" label={t('agents.agent')} data={(agents.data?.agents ?? []).map((each) => each.name)} value={agent} onChange={(value) => setAsked({ ...asked, agent: value })} searchable />
        <Select size="xs" label={t('tools.tool')} data={(tools.data?.tools ?? []).map((each) => each.name)} value={tool} onChange={(value) => setAsked({ ...asked, tool: value })} searchable />
        <TextInput size="xs" label={t('runs.user')} value={user} onChange={(event) => setAsked({ ...asked, user: event.currentTarget.value })} />
        <Textarea
          size="xs"
          label={t('approvals.arguments')}
          autosize
          minRows={4}
          maxRows={12}
          value={text}
          error={unreadable}
          onChange={(event) => setAsked({ ...asked, text: event.currentTarget.value })}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', direction: 'ltr' } }}
        />
        <ByRelease chosen={release} choose={(id) => setAsked({ ...asked, release: id })} />
        <Button type="submit" size="xs" leftSection={<IconPlayerPlay size={15} />} disabled={!agent || !tool || unreadable !== null} loading={asking.isPending}>
          {t('policies.decide')}
        </Button>
        {asking.error && <Said error={asking.error} />}
        {asking.data && <Decided found={asking.data} />}
      </Stack>
    </form>
  )
}

/** Whose rules decide: those in use, or of any release that was made, such as one that is proposed. */
function ByRelease({ chosen, choose }: { chosen: string | null; choose: (release: string | null) => void }) {
  const { t } = useTranslation()
  const releases = useReleases()
  return (
    <Select
      size="xs"
      label={t('policies.byRelease')}
      placeholder={t('policies.inUse')}
      data={releases.map((each) => ({ value: each.id, label: each.message ? `${each.message} · ${each.id.slice(0, 12)}` : each.id }))}
      value={chosen}
      onChange={choose}
      clearable
      searchable
    />
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
