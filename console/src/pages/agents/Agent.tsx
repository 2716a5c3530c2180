import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
import type { AgentShown } from '../../api/schema'
import { number, short } from '../../format'
import { BudgetBars } from '../../parts/BudgetBars'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { useReleasesUntil, useVersions } from '../../parts/versions'
import { Standing } from './Agents'

const Trend = lazy(() => import('./Trend'))

/** One agent: who answers for it, what it may do, and what is left of its budgets. */
export function Agent() {
  const { t } = useTranslation()
  const { agent: name } = useParams({ from: '/frame/agents/$agent' })
  useFresh(['agents', 'budgets'], (event) => event.agent === name || event.kind === 'stop_changed')
  const agent = useQuery({
    queryKey: ['agents', name],
    queryFn: () => answer(api.GET('/api/v1/agents/{agent}', { params: { path: { agent: name } } })),
  })
  return (
    <Page
      title={name}
      crumb={<Link to="/agents">{t('agents.title')}</Link>}
      beside={agent.data && <Standing status={agent.data.status} stopped={agent.data.stopped} />}
      actions={
        <Button component={Link} to={`/runs?agent=${encodeURIComponent(name)}`} size="xs" variant="default">
          {t('agents.runs')}
        </Button>
      }
    >
      <Loaded query={agent}>{(found) => <Whole agent={found} />}</Loaded>
    </Page>
  )
}

function Whole({ agent }: { agent: AgentShown }) {
  const { t } = useTranslation()
  const budgets = useQuery({ queryKey: ['budgets'], queryFn: () => answer(api.GET('/api/v1/budgets', {})) })
  const own = (budgets.data?.budgets ?? []).filter(
    (budget) => budget.subject === agent.name || budget.subject === agent.team || budget.level === 'workspace',
  )
  return (
    <>
      <div className="card facts">
        <div className="fact">
          <div className="k">{t('agents.purpose')}</div>
          <div style={{ fontWeight: 550 }}>
            <bdi>{agent.purpose}</bdi>
          </div>
        </div>
        <div className="fact">
          <div className="k">{t('agents.owner')}</div>
          <div className="v">
            <Ltr>{agent.owner.replace('user:', '')}</Ltr>
          </div>
          <div className="s">{agent.team && <Ltr>{agent.team}</Ltr>}</div>
        </div>
        <div className="fact">
          <div className="k">{t('agents.inFlight')}</div>
          <div className="v num">{number(agent.in_flight)}</div>
        </div>
      </div>
      <Day agent={agent.name} />
      <div className="grid">
        <div className="card w8">
          <div className="card-head">
            <h2>{t('agents.remit')}</h2>
          </div>
          <Grants agent={agent} />
        </div>
        <div className="card w4">
          <div className="card-head">
            <h2>{t('agents.budgets')}</h2>
          </div>
          <div style={{ padding: 16 }}>
            <BudgetBars budgets={own} />
          </div>
        </div>
        <div className="card w12">
          <div className="card-head">
            <h2>{t('agents.releases')}</h2>
          </div>
          <Changed agent={agent.name} />
        </div>
      </div>
    </>
  )
}

function Grants({ agent }: { agent: AgentShown }) {
  const { t } = useTranslation()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('agents.tool')}</th>
            <th>{t('agents.condition')}</th>
            <th className="end">{t('agents.perRun')}</th>
          </tr>
        </thead>
        <tbody>
          {agent.grants.map((grant) => (
            <tr key={grant.tool}>
              <td>
                <Link to="/tools" search={{ tool: grant.tool }}>
                  <Ltr mono>{grant.tool}</Ltr>
                </Link>
              </td>
              <td>
                {grant.when ? (
                  <Ltr mono>{grant.when}</Ltr>
                ) : (
                  <span className="sub">{t(grant.permit === 'policy' ? 'agents.byPolicy' : 'agents.always')}</span>
                )}
              </td>
              <td className="end num">{grant.calls_per_run === null ? '–' : number(grant.calls_per_run)}</td>
            </tr>
          ))}
          {agent.models.map((model) => (
            <tr key={model}>
              <td>
                <Ltr mono>{model}</Ltr>
              </td>
              <td className="sub">{t('agents.model')}</td>
              <td className="end">–</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Day({ agent }: { agent: string }) {
  const { t } = useTranslation()
  useFresh(['overview'], (event) => event.agent === agent)
  const day = useQuery({
    queryKey: ['overview', 'agent', agent],
    refetchInterval: 60_000,
    queryFn: () => answer(api.GET('/api/v1/overview/agents/{agent}', { params: { path: { agent } } })),
  })
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('agents.day')}</h2>
      </div>
      <Loaded query={day} lines={3}>
        {(found) => (
          <Suspense fallback={null}>
            <Trend hours={found.hours} />
          </Suspense>
        )}
      </Loaded>
    </section>
  )
}

/** The releases in which the agent's file became another, each leading to what was changed. */
function Changed({ agent }: { agent: string }) {
  const { t } = useTranslation()
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answer(api.GET('/api/v1/agents')) })
  const line = useReleasesUntil(agents.data?.release ?? '')
  const versions = useVersions((files) => fileOf(agent, files), line)
  if (versions.length === 0) return <div className="section sub">{t('agents.neverChanged')}</div>
  return versions.map(({ changedBy }) => (
    <Link key={changedBy.id} to="/releases" search={{ id: changedBy.id }} className="item">
      <div className="row-gap">
        <Ltr mono>{short(changedBy.id)}</Ltr>
        <bdi>{changedBy.message || t('releases.unsaid')}</bdi>
        <span className="sub" style={{ marginInlineStart: 'auto' }}>
          <Ltr>{changedBy.author}</Ltr> · <Moment at={changedBy.created_at} />
        </span>
      </div>
    </Link>
  ))
}

/** The file that an agent stands in: whichever names it. */
const fileOf = (agent: string, files: Record<string, string>): string | undefined =>
  Object.entries(files).find(([path, text]) => path.startsWith('agents/') && text.split('\n').some((line) => line.trim() === `name: ${agent}`))?.[1]
