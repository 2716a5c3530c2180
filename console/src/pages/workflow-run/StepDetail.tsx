import { useTranslation } from 'react-i18next'

import { useNow } from '../../api/live'
import type { DefinedStep, WorkflowStepShown, WholeRunShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { ago, duration, number, usd } from '../../format'
import { Empty } from '../../parts/Empty'
import { Ltr } from '../../parts/Ltr'
import { Exactly } from '../../parts/Moment'
import { DefinedPairs } from '../workflows/DefinedDetail'
import { UNDO } from '../workflows/progress'
import { StepState } from '../workflows/State'
import { OVER } from '../workflows/states'
import { Retry } from './Acts'
import { Attempts } from './Attempts'
import { Many } from './Many'
import { SealedData } from './SealedData'
import { WaitsFor } from './WaitsFor'

interface Props {
  run: WholeRunShown
  /** What was chosen, where it has begun; else `many` are those at its place. */
  step?: WorkflowStepShown
  many: WorkflowStepShown[]
  path: string
  defined?: DefinedStep
  steps: WorkflowStepShown[]
  choose: (path: string) => void
}

/** One step: where it stands and why, its attempts, and what it was given and gave back. */
export function StepDetail({ run, step, many, path, defined, steps, choose }: Props) {
  const { t } = useTranslation()
  if (path === '') return <Empty title={t('workflows.nothingYet')} />
  const isOver = OVER.includes(run.state)
  const isAround = defined !== undefined && Object.keys(defined.ways).length > 0
  return (
    <>
      <div className="section step-title">
        <b>
          <Ltr mono>{step ? path.replace(UNDO, '') : (defined?.id ?? path)}</Ltr>
        </b>
        <span className="end-of-row">
          {step ? <StepState state={step.state} pill /> : !step && many.length === 0 && <span className="quiet">{t('workflows.notBegun')}</span>}
        </span>
        {path.startsWith(UNDO) && <div className="sub whole-row">{t('workflows.undoing')}</div>}
      </div>
      {step && <Standing run={run} step={step} />}
      {many.length > 0 && <Many steps={many} choose={choose} />}
      {step && step.actions.length > 0 && <Attempts actions={step.actions} />}
      {step && !isAround && <SealedData key={`${step.path} ${step.state}`} run={run.run} path={step.path} />}
      {step && <Undone path={step.path} tool={defined?.compensate ?? ''} steps={steps} choose={choose} />}
      {step && isOver && !path.startsWith(UNDO) && <Again run={run} path={path} />}
      {defined && (
        <div className="section">
          <h3>{t('workflows.definition')}</h3>
          <DefinedPairs step={defined} />
        </div>
      )}
    </>
  )
}

function Standing({ run, step }: { run: WholeRunShown; step: WorkflowStepShown }) {
  const { t } = useTranslation()
  const now = useNow()
  const took = step.began_at === null ? null : (step.ended_at ?? Math.max(now, step.began_at)) - step.began_at
  return (
    <div className="section said">
      {step.error && (
        <div className="t-deny" style={{ overflowWrap: 'anywhere' }}>
          <bdi>{step.error}</bdi>
        </div>
      )}
      {(step.state === 'waiting' || step.state === 'unknown') && <WaitsFor run={run} step={step} />}
      <dl className="pairs">
        {step.began_at !== null && (
          <>
            <dt>{t('workflows.began')}</dt>
            <dd>
              <Exactly at={step.began_at} />
            </dd>
          </>
        )}
        {took !== null && took > 0 && (
          <>
            <dt>{t('runs.took')}</dt>
            <dd>
              <Ltr>{duration(took)}</Ltr>
            </dd>
          </>
        )}
        {step.due_at !== null && (
          <>
            <dt>{t('workflows.due')}</dt>
            <dd>{ago(step.due_at, now)}</dd>
          </>
        )}
        {step.attempt > 1 && (
          <>
            <dt>{t('workflows.attempt')}</dt>
            <dd className="num">{number(step.attempt)}</dd>
          </>
        )}
        {step.spent_micros > 0 && (
          <>
            <dt>{t('run.cost')}</dt>
            <dd>
              <Ltr>{usd(step.spent_micros)}</Ltr>
            </dd>
          </>
        )}
      </dl>
    </div>
  )
}

/** What undid a step, or what would. */
function Undone({ path, tool, steps, choose }: { path: string; tool: string; steps: WorkflowStepShown[]; choose: (path: string) => void }) {
  const { t } = useTranslation()
  const found = steps.find((each) => each.path === UNDO + path)
  if (tool === '') return null
  return (
    <div className="section">
      <h3>{t('workflows.undo')}</h3>
      <div className="row-gap">
        <Ltr mono>{tool}</Ltr>
        {found ? (
          <button type="button" className="plain" onClick={() => choose(found.path)}>
            <StepState state={found.state} />
          </button>
        ) : (
          <span className="quiet">{t('workflows.notNeeded')}</span>
        )}
      </div>
    </div>
  )
}

function Again({ run, path }: { run: WholeRunShown; path: string }) {
  const may = useMay('operator', 'admin')
  const { t } = useTranslation()
  if (!may) return null
  return (
    <div className="section">
      <div className="sub" style={{ marginBottom: 8 }}>
        {t('workflows.retryTold')}
      </div>
      <div className="row-gap">
        <Retry run={run} path={path} />
      </div>
    </div>
  )
}
