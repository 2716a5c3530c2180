import { useTranslation } from 'react-i18next'

import type { BudgetShown } from '../api/schema'
import { amount, day, percent } from '../format'
import { Ltr } from './Ltr'
import { Meter } from './Meter'

const NEAR = 0.8

/** Budgets as bars: spent, set aside, and where the pace of the window leads. */
export function BudgetBars({ budgets }: { budgets: BudgetShown[] }) {
  const { t } = useTranslation()
  if (budgets.length === 0) return <span className="sub">{t('budgets.none')}</span>
  return (
    <div style={{ display: 'grid', gap: 16 }}>
      {budgets.map((budget) => (
        <Bar key={`${budget.name} ${budget.subject}`} budget={budget} />
      ))}
    </div>
  )
}

function Bar({ budget }: { budget: BudgetShown }) {
  const { t } = useTranslation()
  const whole = Math.max(1, budget.amount)
  const used = (budget.spent + budget.reserved) / whole
  const colour = used >= 1 ? 'var(--deny)' : used >= NEAR ? 'var(--hold)' : 'var(--allow)'
  return (
    <div>
      <div className="row-gap" style={{ marginBottom: 5 }}>
        <b style={{ fontWeight: 570 }}>
          <Ltr>{budget.name}</Ltr>
        </b>
        <span className="chip">{t(`budgets.window.${budget.window}`)}</span>
        {!budget.hard && <span className="chip">{t('budgets.soft')}</span>}
        <span className="num" style={{ marginInlineStart: 'auto' }}>
          <Ltr>
            {amount(budget.spent + budget.reserved, budget.unit)} / {amount(budget.amount, budget.unit)}
          </Ltr>
        </span>
      </div>
      <Meter
        parts={[
          { share: budget.spent / whole, colour },
          { share: budget.reserved / whole, colour: `color-mix(in srgb, ${colour} 45%, transparent)` },
        ]}
      />
      <div className="quiet" style={{ fontSize: 12, marginTop: 4, display: 'flex', gap: 10, flexWrap: 'wrap' }}>
        <span>{t('budgets.used', { share: percent(used) })}</span>
        {budget.forecast !== null && <span>{t('budgets.leads', { amount: amount(budget.forecast, budget.unit) })}</span>}
        {budget.exhausted_at !== null && <span className="t-deny">{t('budgets.gone', { when: day(budget.exhausted_at) })}</span>}
      </div>
    </div>
  )
}
