import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { useNow } from '../../api/live'
import type { WholeRunShown, WorkflowStepShown } from '../../api/schema'
import { ago, duration, number, short, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { Meter } from '../../parts/Meter'
import { Moment } from '../../parts/Moment'
import { counted } from '../workflows/progress'
import { STEP_LOOKS } from '../workflows/states'

/** What one asks of a run first: who started it, how long, how dear, how far. */
export function RunFacts({ run, steps }: { run: WholeRunShown; steps: WorkflowStepShown[] }) {
  const { t } = useTranslation()
  const now = useNow()
  return (
    <div className="card facts">
      <div className="fact">
        <div className="k">{t('workflows.startedBy')}</div>
        <div className="v truncate">
          <Ltr>{run.started_by.replace('user:', '')}</Ltr>
        </div>
        <div className="s">
          {t('run.release')}{' '}
          <Ltr mono title={run.release}>
            {short(run.release)}
          </Ltr>
        </div>
      </div>
      <div className="fact">
        <div className="k">{t('runs.took')}</div>
        <div className="v">
          <Ltr>{duration((run.ended_at ?? Math.max(now, run.created_at)) - run.created_at)}</Ltr>
        </div>
        <div className="s">
          {run.state === 'waiting' && run.due_at !== null && run.due_at > now ? (
            t('workflows.goesOnAt', { when: ago(run.due_at, now) })
          ) : (
            <Moment at={run.created_at} />
          )}
        </div>
      </div>
      <div className="fact">
        <div className="k">{t('run.cost')}</div>
        <div className="v">
          <Ltr>{usd(run.spent_micros)}</Ltr>
        </div>
        {run.budget_micros !== null && (
          <>
            <Meter parts={[{ share: run.spent_micros / Math.max(1, run.budget_micros), colour: 'var(--allow)' }]} />
            <div className="s">{t('run.ofLimit', { amount: usd(run.budget_micros) })}</div>
          </>
        )}
      </div>
      <Counts steps={steps} />
      <div className="fact">
        <div className="k">{t('workflows.agent')}</div>
        <div className="v truncate">
          <Ltr>{run.agent}</Ltr>
        </div>
        <div className="s">
          <Link to="/runs/$run" params={{ run: run.run }} className="strong-link">
            {t('workflows.decisions')}
          </Link>
        </div>
      </div>
    </div>
  )
}

function Counts({ steps }: { steps: WorkflowStepShown[] }) {
  const { t } = useTranslation()
  const counts = counted(steps)
  return (
    <div className="fact">
      <div className="k">{t('workflows.steps')}</div>
      <div className="v num">{number(steps.length)}</div>
      <div className="s counts">
        {Object.entries(STEP_LOOKS)
          .filter(([state]) => counts[state])
          .map(([state, { className }]) => (
            <span key={state} className={className}>
              {t(`workflows.counted.${state}`, { count: counts[state], shown: number(counts[state]) })}
            </span>
          ))}
      </div>
    </div>
  )
}
