import '../run/run.css'
import '../workflows/workflows.css'
import './workflow-run.css'

import { Tabs } from '@mantine/core'
import { IconListDetails, IconSitemap } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
import type { DefinedStep, WorkflowStepShown, WholeRunShown } from '../../api/schema'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { inOrder, placeOf, type Places, placesOf, progressOf, standing } from '../workflows/progress'
import { workflowQuery } from '../workflows/queries'
import { OVER } from '../workflows/states'
import { WorkflowState } from '../workflows/State'
import { Acts } from './Acts'
import { RunFacts } from './RunFacts'
import { RunNotes } from './RunNotes'
import { RunData } from './SealedData'
import { StepDetail } from './StepDetail'
import { StepList } from './StepList'

const WorkflowGraph = lazy(() => import('../workflows/graph/WorkflowGraph'))

/** Timers and events move a run on without a record that the page would hear of; long runs are looked at less often. */
const lookEvery = (steps: number): number => (steps > 2_000 ? 10_000 : 2_000)

/** One run of a workflow: how far it has come, what it waits for, and what can be done about it. */
export function WorkflowRun() {
  const { t } = useTranslation()
  const { run: id } = useParams({ from: '/frame/workflow-runs/$run' })
  useFresh(['workflow-run'], (event) => event.run === id || event.kind === 'approval_answered')
  const run = useQuery({
    queryKey: ['workflow-run', id],
    queryFn: () => answer(api.GET('/api/v1/workflow-runs/{run}', { params: { path: { run: id } } })),
    refetchInterval: ({ state: { data } }) => (data && !OVER.includes(data.state) ? lookEvery(data.steps.length) : false),
  })
  return (
    <Page
      title={run.data ? run.data.workflow : t('workflows.run')}
      crumb={
        <>
          <Link to="/workflows">{t('workflows.title')}</Link> /{' '}
          {run.data?.parent && (
            <>
              <Link to="/workflow-runs/$run" params={{ run: run.data.parent }}>
                <Ltr mono>{run.data.parent}</Ltr>
              </Link>{' '}
              /{' '}
            </>
          )}
          <Ltr mono>{id}</Ltr>
        </>
      }
      beside={run.data && <WorkflowState state={run.data.state} pill />}
      actions={run.data && <Acts run={run.data} />}
    >
      <Loaded query={run} lines={4}>
        {(found) => <Whole run={found} />}
      </Loaded>
    </Page>
  )
}

const NONE: DefinedStep[] = []

function Whole({ run }: { run: WholeRunShown }) {
  const { t } = useTranslation()
  const [tab, setTab] = useSearchText('tab')
  const [chosen, choose] = useSearchText('step')
  const workflow = useQuery(workflowQuery(run.workflow, run.release))
  const defined = workflow.data?.steps ?? NONE
  const places = useMemo(() => placesOf(defined), [defined])
  const isOver = OVER.includes(run.state)
  const steps = useMemo(() => standing(inOrder(run.steps, places), places, isOver), [run.steps, places, isOver])
  const progress = useMemo(() => progressOf(steps, places), [steps, places])
  const current = chosen || firstToRead(steps)
  // A place of the graph may stand for many steps; the panel then lists them.
  const pick = useCallback((place: string) => choose(only(progress.done.get(place)?.paths) ?? place), [progress, choose])
  return (
    <>
      <RunNotes run={run} />
      <RunFacts run={run} steps={steps} />
      <Tabs value={tab || 'graph'} onChange={(value) => setTab(value === 'graph' ? '' : (value ?? ''))}>
        <Tabs.List>
          <Tabs.Tab value="graph" leftSection={<IconSitemap size={15} aria-hidden />}>
            {t('workflows.graph')}
          </Tabs.Tab>
          <Tabs.Tab value="steps" leftSection={<IconListDetails size={15} aria-hidden />}>
            {t('workflows.steps')}
          </Tabs.Tab>
        </Tabs.List>
      </Tabs>
      <div className="run-split workflow-run-split">
        {tab === 'steps' ? (
          <StepList run={run} steps={steps} places={places} chosen={current} choose={choose} />
        ) : (
          <Suspense fallback={<div className="card fill" />}>
            <WorkflowGraph steps={defined} done={progress.done} undone={progress.undone} chosen={placeOf(current, places)} choose={pick} />
          </Suspense>
        )}
        <aside className="card panel" tabIndex={0} aria-label={t('workflows.detail')}>
          <Side key={current} run={run} steps={steps} places={places} chosen={current} choose={choose} />
        </aside>
      </div>
      <RunData run={run} />
    </>
  )
}

interface SideProps {
  run: WholeRunShown
  steps: WorkflowStepShown[]
  places: Places
  chosen: string
  choose: (path: string) => void
}

/** The step that was chosen, or those at a place that stands for many. */
function Side({ run, steps, places, chosen, choose }: SideProps) {
  const found = steps.find((step) => step.path === chosen)
  const place = placeOf(chosen, places)
  const defined = places.get(place)?.step
  const many = useMemo(() => (found ? [] : steps.filter((step) => placeOf(step.path, places) === place)), [found, steps, places, place])
  return <StepDetail run={run} step={found} many={many} path={chosen} defined={defined} steps={steps} choose={choose} />
}

const only = (paths?: string[]): string | undefined => (paths?.length === 1 ? paths[0] : undefined)

/** What one looks at first: what has failed, what nobody knows, what waits; else what was done last. */
function firstToRead(steps: WorkflowStepShown[]): string {
  for (const state of ['unknown', 'failed', 'waiting', 'running']) {
    const found = steps.findLast((step) => step.state === state)
    if (found) return found.path
  }
  return steps[steps.length - 1]?.path ?? ''
}
