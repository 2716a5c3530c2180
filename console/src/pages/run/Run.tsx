import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh, useNow } from '../../api/live'
import type { RunShown } from '../../api/schema'
import { duration, number } from '../../format'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { Verdict } from '../../parts/Verdict'
import { RunState } from './RunState'

/** One run: what stands around it, and its actions in the order they were decided. */
export function Run() {
  const { t } = useTranslation()
  const { run: id } = useParams({ from: '/frame/runs/$run' })
  useFresh(['run', 'actions'], (event) => event.run === id || event.kind === 'stop_changed')
  const run = useQuery({
    queryKey: ['run', id],
    queryFn: () => answer(api.GET('/api/v1/runs/{run}', { params: { path: { run: id } } })),
  })
  return (
    <Page
      title={t('run.title')}
      crumb={
        <>
          <Link to="/runs">{t('runs.title')}</Link> / <Ltr mono>{id}</Ltr>
        </>
      }
      beside={run.data && <RunState state={run.data.state} pill />}
    >
      <Loaded query={run} lines={2}>
        {(found) => <Facts run={found} />}
      </Loaded>
      <div className="card fill">
        <Actions run={id} />
      </div>
    </Page>
  )
}

function Facts({ run }: { run: RunShown }) {
  const { t } = useTranslation()
  const now = useNow()
  return (
    <div className="card facts">
      <div className="fact">
        <div className="k">{t('runs.agent')}</div>
        <div className="v">
          <Ltr>{run.agent}</Ltr>
        </div>
        <div className="s">
          {t('runs.user')} <Ltr>{run.on_behalf_of}</Ltr>
        </div>
      </div>
      <div className="fact">
        <div className="k">{t('runs.took')}</div>
        <div className="v">
          <Ltr>{duration((run.ended_at ?? Math.max(now, run.started_at)) - run.started_at)}</Ltr>
        </div>
        <div className="s">
          <Moment at={run.started_at} />
        </div>
      </div>
      <div className="fact">
        <div className="k">{t('runs.calls')}</div>
        <div className="v num">{number(run.tool_calls + run.model_calls)}</div>
        <div className="s">{t('run.split', { tools: number(run.tool_calls), models: number(run.model_calls) })}</div>
      </div>
    </div>
  )
}

function Actions({ run }: { run: string }) {
  const { t } = useTranslation()
  const actions = useInfiniteQuery({
    queryKey: ['actions', run],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/v1/runs/{run}/actions', { params: { path: { run }, query: { cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
  })
  return (
    <Loaded query={actions} lines={8}>
      {({ pages }) => (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th>{t('run.step')}</th>
                <th>{t('run.verdict')}</th>
                <th className="end">{t('runs.started')}</th>
              </tr>
            </thead>
            <tbody>
              {pages
                .flatMap((page) => page.actions)
                .map((action) => (
                  <tr key={action.id}>
                    <td>
                      <Ltr mono>{action.target}</Ltr>
                    </td>
                    <td>
                      <Verdict word={action.verdict} />
                    </td>
                    <td className="end sub">
                      <Moment at={action.at} />
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
    </Loaded>
  )
}
