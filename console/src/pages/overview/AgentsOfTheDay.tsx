import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { AgentDayShown } from '../../api/schema'
import { number, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { Meter } from '../../parts/Meter'

/** Each agent's last 24 hours: runs, cost, and how much was allowed, held and denied, in figures and as a bar. */
export function AgentsOfTheDay({ agents }: { agents: AgentDayShown[] }) {
  const { t } = useTranslation()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('runs.agent')}</th>
            <th className="end">{t('overview.runs')}</th>
            <th className="end">{t('overview.open')}</th>
            <th className="end">{t('overview.cost')}</th>
            <th className="end">{t('overview.errors')}</th>
            <th className="end">{t('frame.verdict.allow')}</th>
            <th className="end">{t('frame.verdict.hold')}</th>
            <th className="end">{t('frame.verdict.deny')}</th>
            <th aria-hidden className="overview-bar" />
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <Agent key={agent.agent} agent={agent} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Agent({ agent }: { agent: AgentDayShown }) {
  const { t } = useTranslation()
  const decided = Math.max(1, agent.allow + agent.hold + agent.deny)
  return (
    <tr data-link={agent.agent !== ''}>
      <td>
        {agent.agent === '' ? (
          t('overview.others')
        ) : (
          <Link to="/agents/$agent" params={{ agent: agent.agent }}>
            <Ltr mono>{agent.agent}</Ltr>
          </Link>
        )}
      </td>
      <td className="end num">{number(agent.runs)}</td>
      <td className="end num">{number(agent.open)}</td>
      <td className="end num">
        <Ltr>{usd(agent.cost)}</Ltr>
      </td>
      <td className="end num">{number(agent.errors)}</td>
      <td className="end num">{number(agent.allow)}</td>
      <td className={`end num ${agent.hold ? 't-hold' : ''}`}>{number(agent.hold)}</td>
      <td className={`end num ${agent.deny ? 't-deny' : ''}`}>{number(agent.deny)}</td>
      <td aria-hidden className="overview-bar">
        <Meter
          parts={[
            { share: agent.allow / decided, colour: 'var(--allow)' },
            { share: agent.hold / decided, colour: 'var(--hold)' },
            { share: agent.deny / decided, colour: 'var(--deny)' },
          ]}
        />
      </td>
    </tr>
  )
}
