import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useNow } from '../../api/live'
import type { RunShown } from '../../api/schema'
import { amount, duration, number, short, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { Meter } from '../../parts/Meter'
import { Moment } from '../../parts/Moment'
import { Risk } from './Risk'
import type { Step } from './steps'

/** What one asks of a run first: whose, how long, how dear, and what was decided. */
export function Facts({ run, steps }: { run: RunShown; steps: Step[] }) {
  const { t } = useTranslation()
  const now = useNow()
  const waited = steps.filter((step) => step.kind === 'person').reduce((sum, step) => sum + step.span.to - step.span.from, 0)
  return (
    <div className="card facts">
      <div className="fact">
        <div className="k">{t('runs.user')}</div>
        <div className="v">
          <Ltr>{run.on_behalf_of.replace('user:', '')}</Ltr>
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
          <Ltr>{duration((run.ended_at ?? Math.max(now, run.started_at)) - run.started_at)}</Ltr>
        </div>
        <div className="s">
          {waited > 0 ? t('run.waited', { time: duration(waited) }) : <Moment at={run.started_at} />}
        </div>
      </div>
      <Cost run={run} steps={steps} />
      <Risk steps={steps} />
      <Decisions steps={steps} />
    </div>
  )
}

function Cost({ run, steps }: { run: RunShown; steps: Step[] }) {
  const { t } = useTranslation()
  const budgets = useQuery({
    queryKey: ['budgets', run.id],
    queryFn: () => answer(api.GET('/api/v1/budgets', { params: { query: { run: run.id } } })),
  })
  const limit = budgets.data?.budgets.find((budget) => budget.level === 'run' && budget.unit === 'micro_usd')
  const spent = steps.reduce((sum, step) => sum + step.micros, 0)
  return (
    <div className="fact">
      <div className="k">{t('run.cost')}</div>
      <div className="v">
        <Ltr>{usd(spent)}</Ltr>
      </div>
      {limit && (
        <>
          <Meter parts={[{ share: spent / Math.max(1, limit.amount), colour: spent > limit.amount * 0.8 ? 'var(--hold)' : 'var(--allow)' }]} />
          <div className="s">{t('run.ofLimit', { amount: amount(limit.amount, limit.unit) })}</div>
        </>
      )}
    </div>
  )
}

function Decisions({ steps }: { steps: Step[] }) {
  const { t } = useTranslation()
  const decided = steps.filter((step) => step.kind !== 'person')
  const count = (verdict: string) => decided.filter((step) => step.verdict === verdict).length
  return (
    <div className="fact">
      <div className="k">{t('run.decisions')}</div>
      <div className="v num">{number(decided.length)}</div>
      <div className="s" style={{ display: 'flex', gap: 10, flexWrap: 'wrap' }}>
        {(['allow', 'deny', 'hold'] as const).map(
          (verdict) =>
            count(verdict) > 0 && (
              <span key={verdict} className={`t-${verdict}`}>
                {t(`run.counted.${verdict}`, { count: count(verdict), shown: number(count(verdict)) })}
              </span>
            ),
        )}
      </div>
    </div>
  )
}
