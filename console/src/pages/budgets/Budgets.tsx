import { IconBuilding, IconRobot, IconUser, IconUsersGroup } from '@tabler/icons-react'
import type { Icon } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import './budgets.css'

import { answerOr, api } from '../../api/client'
import { useFresh } from '../../api/live'
import type { AgentShown, BudgetShown } from '../../api/schema'
import { BudgetBars } from '../../parts/BudgetBars'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { OpenRuns } from './OpenRuns'

/** Every budget that is counted now, as a tree: what a run spends counts for its agent, its team and the workspace. */
export function Budgets() {
  const { t } = useTranslation()
  useFresh(['budgets'], ({ kind }) => kind === 'decision_made' || kind === 'outcome_reported')
  const budgets = useQuery({ queryKey: ['budgets'], queryFn: () => answerOr({ release: '', at: 0, budgets: [] }, api.GET('/api/v1/budgets', {})) })
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
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
            <Tree budgets={found} agents={agents.data?.agents ?? []} />
          )
        }
      </Loaded>
    </Page>
  )
}

function Tree({ budgets, agents }: { budgets: BudgetShown[]; agents: AgentShown[] }) {
  const { t } = useTranslation()
  const of = (level: string, subject?: string) =>
    budgets.filter((budget) => budget.level === level && (subject === undefined || budget.subject === subject))
  const teams = [...new Set([...agents.map((agent) => agent.team ?? ''), ...of('team').map((budget) => budget.subject)])].sort()
  const named = teams.filter((team) => team !== '')
  const whole = of('workspace')
  const people = of('user')
  return (
    <div className="card budget-tree">
      <Node Sign={IconBuilding} title={t('budgets.level.workspace')} budgets={whole}>
        {named.map((team) => (
          <Node key={team} Sign={IconUsersGroup} title={<Ltr>{team}</Ltr>} budgets={of('team', team)}>
            {agents
              .filter((agent) => agent.team === team)
              .map((agent) => (
                <OfAgent key={agent.name} agent={agent.name} budgets={of('agent', agent.name)} />
              ))}
          </Node>
        ))}
        {agents
          .filter((agent) => !agent.team)
          .map((agent) => (
            <OfAgent key={agent.name} agent={agent.name} budgets={of('agent', agent.name)} />
          ))}
        {people.length > 0 && <Node Sign={IconUser} title={t('budgets.level.user')} budgets={people} />}
      </Node>
    </div>
  )
}

function OfAgent({ agent, budgets }: { agent: string; budgets: BudgetShown[] }) {
  return (
    <Node Sign={IconRobot} title={<Ltr>{agent}</Ltr>} budgets={budgets}>
      <OpenRuns agent={agent} />
    </Node>
  )
}

interface NodeProps {
  Sign: Icon
  title: React.ReactNode
  budgets: BudgetShown[]
  children?: React.ReactNode
}

/** One level of the tree, open until somebody folds it. */
function Node({ Sign, title, budgets, children }: NodeProps) {
  const { t } = useTranslation()
  return (
    <details className="budget-node" open>
      <summary>
        <Sign size={16} stroke={1.8} className="quiet" aria-hidden /> <b>{title}</b>
      </summary>
      <div className="budget-own">{budgets.length > 0 ? <BudgetBars budgets={budgets} /> : <span className="quiet">{t('budgets.noneHere')}</span>}</div>
      {children}
    </details>
  )
}
