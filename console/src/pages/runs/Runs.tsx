import { Button, SegmentedControl, Select, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, answerOr, api } from '../../api/client'
import { useFresh, useNow } from '../../api/live'
import type { RunShown } from '../../api/schema'
import { duration, number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { RunState } from '../run/RunState'
import { SavedFilters } from './SavedFilters'

const STATES = ['running', 'stopped', 'ended'] as const
type State = (typeof STATES)[number]

/** Every run, newest first, as it goes on. */
export function Runs() {
  const { t } = useTranslation()
  const [agent, setAgent] = useSearchText('agent')
  const [user, setUser] = useSearchText('user')
  const [state, setState] = useSearchText('state')
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  return (
    <Page title={t('runs.title')}>
      <div className="row-gap">
        <SegmentedControl
          size="xs"
          value={state}
          onChange={setState}
          data={[{ value: '', label: t('runs.all') }, ...STATES.map((each) => ({ value: each, label: t(`runs.state.${each}`) }))]}
        />
        <Select
          size="xs"
          aria-label={t('runs.agent')}
          placeholder={t('runs.everyAgent')}
          data={(agents.data?.agents ?? []).map((each) => each.name)}
          value={agent || null}
          onChange={(value) => setAgent(value ?? '')}
          clearable
          searchable
        />
        <TextInput
          size="xs"
          aria-label={t('runs.user')}
          placeholder={t('runs.everybody')}
          leftSection={<IconSearch size={14} aria-hidden />}
          key={user}
          defaultValue={user}
          onBlur={(event) => setUser(event.currentTarget.value.trim())}
          onKeyDown={(event) => {
            if (event.key === 'Enter') setUser(event.currentTarget.value.trim())
          }}
        />
        <SavedFilters />
      </div>
      <div className="card">
        <List agent={agent} user={user} state={state as State | ''} />
      </div>
    </Page>
  )
}

function List({ agent, user, state }: { agent: string; user: string; state: State | '' }) {
  const { t } = useTranslation()
  useFresh(['runs'], ({ kind }) => kind === 'run_started' || kind === 'run_ended' || kind === 'decision_made')
  const runs = useInfiniteQuery({
    queryKey: ['runs', { agent, user, state }],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/api/v1/runs', {
          params: { query: { agent, user, state: state || undefined, cursor: pageParam, limit: 50 } },
        }),
      ),
    getNextPageParam: (last) => last.next,
  })
  return (
    <Loaded query={runs} lines={6}>
      {({ pages }) => {
        const found = pages.flatMap((page) => page.runs)
        if (found.length === 0 && !runs.hasNextPage) {
          const isFiltered = Boolean(agent || user || state)
          return isFiltered ? (
            <Empty title={t('runs.noneFits')} />
          ) : (
            <Empty title={t('runs.none')} command="make run">
              {t('runs.first')}
            </Empty>
          )
        }
        return (
          <>
            <Table runs={found} />
            {runs.hasNextPage && (
              <div style={{ display: 'grid', justifyItems: 'center', padding: 12 }}>
                <Button size="xs" variant="default" loading={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
                  {t('runs.more')}
                </Button>
              </div>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

function Table({ runs }: { runs: RunShown[] }) {
  const { t } = useTranslation()
  const now = useNow()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('runs.run')}</th>
            <th>{t('runs.agent')}</th>
            <th>{t('runs.stands')}</th>
            <th>{t('runs.user')}</th>
            <th className="end">{t('runs.calls')}</th>
            <th className="end">{t('runs.took')}</th>
            <th className="end">{t('runs.started')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id} data-link>
              <td>
                <Link to="/runs/$run" params={{ run: run.id }}>
                  <Ltr mono>{run.id}</Ltr>
                </Link>
              </td>
              <td>
                <Ltr>{run.agent}</Ltr>
              </td>
              <td>
                <RunState state={run.state} />
              </td>
              <td className="sub">
                <Ltr>{run.on_behalf_of}</Ltr>
              </td>
              <td className="end num">{number(run.tool_calls + run.model_calls)}</td>
              <td className="end sub">
                <Ltr>{duration((run.ended_at ?? Math.max(now, run.started_at)) - run.started_at)}</Ltr>
              </td>
              <td className="end sub">
                <Moment at={run.started_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
