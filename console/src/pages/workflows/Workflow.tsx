import './workflows.css'

import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import type { WorkflowShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { DefinedDetail } from './DefinedDetail'
import { placesOf } from './progress'
import { workflowQuery } from './queries'
import { Schedules } from './Schedules'
import { StartForm } from './StartForm'
import { WorkflowRuns } from './WorkflowRuns'

const WorkflowGraph = lazy(() => import('./graph/WorkflowGraph'))

/** One workflow of the release in use: its steps, how it starts, and its runs. */
export function Workflow() {
  const { t } = useTranslation()
  const { workflow: name } = useParams({ from: '/frame/workflows/$workflow' })
  const workflow = useQuery(workflowQuery(name))
  return (
    <Page
      title={name}
      crumb={
        <Link to="/workflows" search={{ view: 'definitions' }}>
          {t('workflows.title')}
        </Link>
      }
      actions={
        <Button component={Link} to={`/workflows?workflow=${encodeURIComponent(name)}`} size="xs" variant="default">
          {t('workflows.allRuns')}
        </Button>
      }
    >
      <Loaded query={workflow} lines={8}>
        {(found) => <Whole workflow={found} />}
      </Loaded>
    </Page>
  )
}

function Whole({ workflow }: { workflow: WorkflowShown }) {
  const { t } = useTranslation()
  const may = useMay('operator', 'admin')
  const [chosen, choose] = useSearchText('place')
  const step = placesOf(workflow.steps).get(chosen)?.step
  return (
    <>
      <div className="sub">
        <bdi>{workflow.description}</bdi>{' '}
        <span className="chip">
          <Ltr>{workflow.agent}</Ltr>
        </span>
      </div>
      <div className="workflow-split">
        <Suspense fallback={<div className="card fill" />}>
          <WorkflowGraph steps={workflow.steps} chosen={chosen} choose={choose} />
        </Suspense>
        <div className="workflow-side" tabIndex={0} role="region" aria-label={t('workflows.start')}>
          {step && <DefinedDetail step={step} close={() => choose('')} />}
          <section className="card" aria-labelledby="start-title">
            <div className="card-head">
              <h2 id="start-title">{t('workflows.startOne')}</h2>
            </div>
            {may ? <StartForm key={workflow.release} workflow={workflow} /> : <div className="section sub">{t('workflows.mayNotStart')}</div>}
          </section>
          {workflow.schedules.length > 0 && (
            <section className="card">
              <div className="card-head">
                <h2>{t('workflows.schedules')}</h2>
              </div>
              <Schedules of={workflow.name} />
            </section>
          )}
        </div>
      </div>
      <section className="card">
        <div className="card-head">
          <h2>{t('workflows.runs')}</h2>
        </div>
        <WorkflowRuns of={workflow.name} />
      </section>
    </>
  )
}
