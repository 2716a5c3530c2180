import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { BudgetBars } from '../../parts/BudgetBars'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'

const FEW = 5

/** The newest runs of an agent that go on, with what each may spend; asked for when somebody unfolds them. */
export function OpenRuns({ agent }: { agent: string }) {
  const { t } = useTranslation()
  const [isOpen, open] = useState(false)
  return (
    <details className="budget-node" onToggle={(event) => open(event.currentTarget.open)}>
      <summary className="sub">{t('budgets.openRuns')}</summary>
      {isOpen && <Runs agent={agent} />}
    </details>
  )
}

function Runs({ agent }: { agent: string }) {
  const { t } = useTranslation()
  const runs = useQuery({
    queryKey: ['runs', 'open', agent],
    queryFn: () => answer(api.GET('/api/v1/runs', { params: { query: { agent, state: 'running', limit: FEW } } })),
  })
  const found = runs.data?.runs ?? []
  const budgets = useQueries({
    queries: found.map((run) => ({
      queryKey: ['budgets', run.id],
      queryFn: () => answer(api.GET('/api/v1/budgets', { params: { query: { run: run.id } } })),
    })),
  })
  return (
    <Loaded query={runs} lines={2}>
      {() =>
        found.length === 0 ? (
          <div className="budget-own quiet">{t('budgets.noRun')}</div>
        ) : (
          <>
            {found.map((run, place) => (
              <div key={run.id} className="budget-own">
                <Link to="/runs/$run" params={{ run: run.id }} className="budget-run">
                  <Ltr mono>{run.id}</Ltr>
                </Link>
                <BudgetBars budgets={(budgets[place].data?.budgets ?? []).filter((budget) => budget.level === 'run')} />
              </div>
            ))}
          </>
        )
      }
    </Loaded>
  )
}
