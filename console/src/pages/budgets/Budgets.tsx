import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import { useFresh } from '../../api/live'
import { BudgetBars } from '../../parts/BudgetBars'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Page } from '../../parts/Page'

const LEVELS = ['workspace', 'team', 'agent', 'user'] as const

/** Every budget that is counted now, by level; those of a run or a user stand on their pages. */
export function Budgets() {
  const { t } = useTranslation()
  useFresh(['budgets'], ({ kind }) => kind === 'decision_made' || kind === 'outcome_reported')
  const budgets = useQuery({ queryKey: ['budgets'], queryFn: () => answerOr({ release: '', at: 0, budgets: [] }, api.GET('/api/v1/budgets', {})) })
  return (
    <Page title={t('budgets.title')}>
      <Loaded query={budgets}>
        {({ budgets: found }) =>
          found.length === 0 ? (
            <div className="card">
              <Empty title={t('budgets.none')} command="remit apply DIR">
                {t('budgets.how')}
              </Empty>
            </div>
          ) : (
            <div className="grid">
              {LEVELS.map((level) => {
                const here = found.filter((budget) => budget.level === level)
                if (here.length === 0) return null
                return (
                  <section key={level} className="card w6">
                    <div className="card-head">
                      <h2>{t(`budgets.level.${level}`)}</h2>
                    </div>
                    <div style={{ padding: 16 }}>
                      <BudgetBars budgets={here} />
                    </div>
                  </section>
                )
              })}
            </div>
          )
        }
      </Loaded>
    </Page>
  )
}
