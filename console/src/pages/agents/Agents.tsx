import { IconHandStop } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import { useFresh } from '../../api/live'
import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'

/** The agents of the active release. */
export function Agents() {
  const { t } = useTranslation()
  useFresh(['agents'], ({ kind }) => ['stop_changed', 'release_activated', 'run_started', 'run_ended'].includes(kind))
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  return (
    <Page title={t('agents.title')}>
      <div className="card">
        <Loaded query={agents}>
          {({ agents: found }) =>
            found.length === 0 ? (
              <Empty title={t('agents.none')} command="remit apply DIR">
                {t('agents.how')}
              </Empty>
            ) : (
              <div className="table-scroll">
                <table className="table">
                  <thead>
                    <tr>
                      <th>{t('agents.agent')}</th>
                      <th>{t('agents.status')}</th>
                      <th>{t('agents.purpose')}</th>
                      <th>{t('agents.team')}</th>
                      <th>{t('agents.owner')}</th>
                      <th className="end">{t('agents.tools')}</th>
                      <th className="end">{t('agents.inFlight')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {found.map((agent) => (
                      <tr key={agent.name} data-link>
                        <td>
                          <Link to="/agents/$agent" params={{ agent: agent.name }}>
                            <Ltr mono>{agent.name}</Ltr>
                          </Link>
                        </td>
                        <td>
                          <Standing status={agent.status} stopped={agent.stopped} />
                        </td>
                        <td className="sub prose">
                          <bdi>{agent.purpose}</bdi>
                        </td>
                        <td className="sub">{agent.team && <Ltr>{agent.team}</Ltr>}</td>
                        <td className="sub">
                          <Ltr>{agent.owner.replace('user:', '')}</Ltr>
                        </td>
                        <td className="end num">{number(agent.grants.length)}</td>
                        <td className="end num">{number(agent.in_flight)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Loaded>
      </div>
    </Page>
  )
}

/** Whether an agent may work: what its file says, and whether somebody has stopped it. */
export function Standing({ status, stopped }: { status: string; stopped: boolean }) {
  const { t } = useTranslation()
  if (stopped) {
    return (
      <span className="verdict t-deny">
        <IconHandStop size={14} aria-hidden />
        {t('agents.stopped')}
      </span>
    )
  }
  return <span className={`verdict ${status === 'active' ? 't-allow' : 'sub'}`}>{t(`agents.is.${status}`, status)}</span>
}
