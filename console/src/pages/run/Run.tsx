import './run.css'

import { Tabs } from '@mantine/core'
import { IconFileCertificate, IconMessages, IconRoute, IconSitemap } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh, useNow } from '../../api/live'
import type { RunShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { InForce } from '../../shell/FreezeBanner'
import { useStops } from '../../shell/stops'
import { Children } from './Children'
import { Conversation } from './Conversation'
import { Evidence } from './Evidence'
import { Facts } from './Facts'
import { Path } from './Path'
import { RunState } from './RunState'
import { StepPanel } from './StepPanel'
import { type Step, stepsOf } from './steps'

const Graph = lazy(() => import('./Graph'))
const PAGE = 200

/** One run: what stands around it, and what it did. */
export function Run() {
  const { t } = useTranslation()
  const { run: id } = useParams({ from: '/frame/runs/$run' })
  useFresh(['run', 'actions', 'approvals'], (event) => event.run === id)
  const run = useQuery({
    queryKey: ['run', id],
    queryFn: () => answer(api.GET('/api/v1/runs/{run}', { params: { path: { run: id } } })),
  })
  return (
    <Page
      title={run.data ? t('run.of', { agent: run.data.agent }) : t('run.title')}
      crumb={
        <>
          <Link to="/runs">{t('runs.title')}</Link> /{' '}
          {run.data?.parent && (
            <>
              <Link to="/runs/$run" params={{ run: run.data.parent }}>
                <Ltr mono>{run.data.parent}</Ltr>
              </Link>{' '}
              /{' '}
            </>
          )}
          <Ltr mono>{id}</Ltr>
        </>
      }
      beside={
        run.data && (
          <>
            <RunState state={run.data.state} pill />
            <OfWorkflow run={id} />
          </>
        )
      }
    >
      <Loaded query={run} lines={2}>
        {(found) => <Whole run={found} />}
      </Loaded>
    </Page>
  )
}

/** The way to the workflow that this run carries out, where it does. */
function OfWorkflow({ run }: { run: string }) {
  const { t } = useTranslation()
  const found = useQuery({
    queryKey: ['workflow-run-of', run],
    queryFn: () => answer(api.GET('/api/v1/workflow-runs', { params: { query: { run } } })),
  })
  const workflow = found.data?.runs[0]?.workflow
  if (workflow === undefined) return null
  return (
    <Link to="/workflow-runs/$run" params={{ run }} className="chip" title={t('run.ofWorkflow')}>
      <IconSitemap size={13} aria-hidden /> <Ltr>{workflow}</Ltr>
    </Link>
  )
}

function Whole({ run }: { run: RunShown }) {
  const { t } = useTranslation()
  const mayAudit = useMay('auditor', 'admin')
  const [tab, setTab] = useSearchText('tab')
  const { steps, isWhole } = useSteps(run)
  const [chosen, choose] = useSearchText('step')
  const begun = useRef('')
  const navigate = useNavigate()
  const show = (step: string) => void navigate({ to: '.', search: { step } as never })
  const stop = useStops().find((each) => each.target === `run:${run.id}`)
  const current = steps.find((step) => step.id === (chosen || begun.current)) ?? firstToRead(steps)
  useEffect(() => {
    if (isWhole && begun.current === '') begun.current = current?.id ?? '' // what comes later does not turn the page
  }, [isWhole, current])
  return (
    <>
      {stop && run.state !== 'ended' && (
        <div className="note bad">
          <InForce stop={stop} />
        </div>
      )}
      <Facts run={run} steps={steps} />
      <Children run={run} />
      <Tabs value={tab || 'path'} onChange={(value) => setTab(value === 'path' ? '' : (value ?? ''))}>
        <Tabs.List>
          <Tabs.Tab value="path" leftSection={<IconRoute size={15} aria-hidden />}>
            {t('run.path')}
          </Tabs.Tab>
          <Tabs.Tab value="graph" leftSection={<IconSitemap size={15} aria-hidden />}>
            {t('run.graph')}
          </Tabs.Tab>
          {mayAudit && (
            <Tabs.Tab value="conversation" leftSection={<IconMessages size={15} aria-hidden />}>
              {t('run.conversation')}
            </Tabs.Tab>
          )}
          {mayAudit && (
            <Tabs.Tab value="evidence" leftSection={<IconFileCertificate size={15} aria-hidden />}>
              {t('run.evidence')}
            </Tabs.Tab>
          )}
        </Tabs.List>
      </Tabs>
      {tab === 'evidence' && mayAudit ? (
        <Evidence run={run.id} />
      ) : tab === 'conversation' && mayAudit ? (
        <Conversation key={run.id} run={run.id} choose={show} />
      ) : (
        <div className="run-split">
          {tab === 'graph' ? (
            <Suspense fallback={<div className="card fill" />}>
              <Graph agent={run.agent} steps={steps} choose={choose} />
            </Suspense>
          ) : (
            <Path
              steps={steps}
              isWhole={isWhole}
              start={run.started_at}
              end={endOf(run, steps)}
              chosen={current?.id ?? ''}
              choose={choose}
            />
          )}
          {current ? <StepPanel key={current.id} step={current} /> : <aside className="card panel" tabIndex={0} aria-label={t('run.detail')} />}
        </div>
      )}
    </>
  )
}

/** Every step of a run; the pages behind the first are fetched one after the other. */
function useSteps(run: RunShown): { steps: Step[]; isWhole: boolean } {
  const actions = useInfiniteQuery({
    queryKey: ['actions', run.id],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/api/v1/runs/{run}/actions', { params: { path: { run: run.id }, query: { cursor: pageParam, limit: PAGE } } }),
      ),
    getNextPageParam: (last) => last.next,
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = actions
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  const approvals = useQuery({
    queryKey: ['approvals', 'all'],
    queryFn: () => answer(api.GET('/api/v1/approvals', {})),
  })
  const isOpen = run.state === 'running'
  const now = useNow(isOpen ? 1_000 : 3_600_000)
  const steps = useMemo(
    () =>
      stepsOf(
        (actions.data?.pages ?? []).flatMap((page) => page.actions),
        (approvals.data?.approvals ?? []).filter((approval) => approval.run === run.id),
        isOpen ? now : (run.ended_at ?? now),
      ),
    [actions.data, approvals.data, run.id, run.ended_at, isOpen, now],
  )
  return { steps, isWhole: actions.isSuccess && approvals.isSuccess && !hasNextPage }
}

const firstToRead = (steps: Step[]): Step | undefined =>
  steps.find((step) => step.isOpen && step.kind === 'person') ?? steps.findLast((step) => step.verdict !== 'allow') ?? steps[0]

const endOf = (run: RunShown, steps: Step[]): number =>
  Math.max(run.ended_at ?? run.started_at, ...steps.map((step) => step.span.to))
