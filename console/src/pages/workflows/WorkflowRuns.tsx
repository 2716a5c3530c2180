import { Button, Select } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh, useNow } from '../../api/live'
import type { WorkflowRunShown } from '../../api/schema'
import { ago, duration, usd } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { useSearchText } from '../../parts/useSearchText'
import { workflowsQuery } from './queries'
import { WorkflowState } from './State'
import { RUN_STATES } from './states'

type State = (typeof RUN_STATES)[number]

const PAGE = 50
/** Timers, events and schedules move runs on without a record that the page would hear of. */
const LOOK_MS = 5_000

/** Which runs are looked at; it stands in the address. */
export function RunFilters() {
  const { t } = useTranslation()
  const [workflow, setWorkflow] = useSearchText('workflow')
  const [state, setState] = useSearchText('state')
  const workflows = useQuery(workflowsQuery)
  const names = (workflows.data?.workflows ?? []).map((each) => each.name)
  return (
    <div className="row-gap">
      <Select
        size="xs"
        aria-label={t('workflows.workflow')}
        placeholder={t('workflows.everyWorkflow')}
        data={workflow && !names.includes(workflow) ? [...names, workflow] : names}
        value={workflow || null}
        onChange={(value) => setWorkflow(value ?? '')}
        clearable
        searchable
      />
      <Select
        size="xs"
        aria-label={t('workflows.stands')}
        placeholder={t('workflows.everyState')}
        data={RUN_STATES.map((each) => ({ value: each, label: t(`workflows.state.${each}`) }))}
        value={state || null}
        onChange={(value) => setState(value ?? '')}
        clearable
      />
    </div>
  )
}

/** Runs of workflows, newest first, as they go on. */
export function WorkflowRuns({ of = '' }: { of?: string }) {
  const { t } = useTranslation()
  const [named] = useSearchText('workflow')
  const [state] = useSearchText('state')
  const workflow = of || named
  useFresh(['workflow-runs'], ({ kind }) => kind !== 'stop_changed')
  const runs = useInfiniteQuery({
    queryKey: ['workflow-runs', { workflow, state }],
    refetchInterval: LOOK_MS,
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/api/v1/workflow-runs', {
          params: { query: { workflow, state: (state || undefined) as State | undefined, cursor: pageParam, limit: PAGE } },
        }),
      ),
    getNextPageParam: (last) => last.next,
  })
  return (
    <Loaded query={runs} lines={6}>
      {({ pages }) => {
        const found = pages.flatMap((page) => page.runs)
        if (found.length === 0) return state || named ? <Empty title={t('workflows.noneFits')} /> : <None />
        return (
          <>
            <Table runs={found} />
            {runs.hasNextPage && (
              <div className="more">
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

function None() {
  const { t } = useTranslation()
  return (
    <Empty title={t('workflows.noRun')} command="remit workflows start NAME">
      {t('workflows.firstRun')}
    </Empty>
  )
}

function Table({ runs }: { runs: WorkflowRunShown[] }) {
  const { t } = useTranslation()
  const now = useNow()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('workflows.run')}</th>
            <th>{t('workflows.workflow')}</th>
            <th>{t('workflows.stands')}</th>
            <th>{t('workflows.note')}</th>
            <th>{t('workflows.startedBy')}</th>
            <th className="end">{t('workflows.spent')}</th>
            <th className="end">{t('runs.took')}</th>
            <th className="end">{t('runs.started')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.run} data-link>
              <td>
                <Link to="/workflow-runs/$run" params={{ run: run.run }}>
                  <Ltr mono>{run.run}</Ltr>
                </Link>
              </td>
              <td>
                <Ltr>{run.workflow}</Ltr>
              </td>
              <td>
                <WorkflowState state={run.state} />
              </td>
              <td className="sub">
                <GoesOn run={run} now={now} />
              </td>
              <td className="sub">
                <Ltr>{run.started_by}</Ltr>
              </td>
              <td className="end num">
                <Ltr>{usd(run.spent_micros)}</Ltr>
              </td>
              <td className="end sub">
                <Ltr>{duration((run.ended_at ?? Math.max(now, run.created_at)) - run.created_at)}</Ltr>
              </td>
              <td className="end sub">
                <Moment at={run.created_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** When a run goes on by itself, or why it has ended as it did. */
function GoesOn({ run, now }: { run: WorkflowRunShown; now: number }) {
  const { t } = useTranslation()
  if (run.state === 'failed') {
    return (
      <span className="t-deny run-error truncate" dir="ltr" title={run.error}>
        {run.error}
      </span>
    )
  }
  if (run.state === 'waiting' && run.due_at !== null && run.due_at > now) return <>{t('workflows.goesOnAt', { when: ago(run.due_at, now) })}</>
  return <span className="quiet">–</span>
}
