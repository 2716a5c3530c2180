import { SegmentedControl } from '@mantine/core'
import { IconCheck, IconCircleHalf2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import type { AgentShown, IncidentShown, ToolShown } from '../../api/schema'
import { usd } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { Pinned, useChanged } from './Pinned'
import { Servers } from './Servers'
import './tools.css'

/** What can be called: the catalogue, and who may. */
export function Tools() {
  const { t } = useTranslation()
  const [view, setView] = useSearchText('view')
  const tools = useQuery({ queryKey: ['tools'], queryFn: () => answerOr({ release: '', tools: [] }, api.GET('/api/v1/tools')) })
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  return (
    <Page
      title={t('tools.title')}
      beside={
        <SegmentedControl
          size="xs"
          value={view}
          onChange={setView}
          data={[
            { value: '', label: t('tools.catalogue') },
            { value: 'matrix', label: t('tools.matrix') },
            { value: 'servers', label: t('tools.servers') },
          ]}
        />
      }
    >
      {view === 'servers' ? (
        <Servers />
      ) : (
        <Loaded query={tools}>
          {({ tools: found }) => {
            if (found.length === 0) {
              return (
                <div className="card">
                  <Empty title={t('tools.none')} command="remit apply DIR" />
                </div>
              )
            }
            return view === 'matrix' ? <Matrix tools={found} agents={agents.data?.agents ?? []} /> : <Catalogue tools={found} />
          }}
        </Loaded>
      )}
    </Page>
  )
}

function Catalogue({ tools }: { tools: ToolShown[] }) {
  const { t } = useTranslation()
  const [chosen, choose] = useSearchText('tool')
  const current = tools.find((tool) => tool.name === chosen) ?? tools[0]
  const changed = useChanged()
  return (
    <div className="tools fill">
      <div className="card tools-list" role="listbox" aria-label={t('tools.title')}>
        {tools.map((tool) => (
          <button
            key={tool.name}
            type="button"
            role="option"
            className="item"
            aria-selected={tool.name === current.name}
            data-on={tool.name === current.name}
            onClick={() => choose(tool.name)}
          >
            <span className="row-gap" style={{ justifyContent: 'space-between' }}>
              <Ltr mono>{tool.name}</Ltr>
              <span className="row-gap">
                {changed.has(tool.name) && <span className="chip t-deny">{t('tools.changed')}</span>}
                <Effect effect={tool.effect} />
              </span>
            </span>
          </button>
        ))}
      </div>
      <Detail tool={current} changed={changed.get(current.name)} />
    </div>
  )
}

/** What calling it does to the world. */
function Effect({ effect }: { effect: string }) {
  const { t } = useTranslation()
  const weighty = ['pay', 'delete', 'admin'].includes(effect)
  return (
    <span className={`chip ${weighty ? 't-hold' : ''}`}>
      {t(`tools.effect.${effect}`)}
    </span>
  )
}

function Detail({ tool, changed }: { tool: ToolShown; changed?: IncidentShown }) {
  const { t } = useTranslation()
  const traits = (['reversible', 'idempotent', 'pollable'] as const).filter((trait) => tool[trait])
  return (
    <section className="card tools-detail" tabIndex={0} aria-label={tool.name}>
      <div className="section">
        <b style={{ fontSize: 15 }}>
          <Ltr mono>{tool.name}</Ltr>
        </b>
        <div className="sub" style={{ marginTop: 4 }}>
          <bdi>{tool.description}</bdi>
        </div>
        <div className="row-gap" style={{ marginTop: 8 }}>
          <Effect effect={tool.effect} />
          {traits.map((trait) => (
            <span key={trait} className="chip">
              {t(`tools.${trait}`)}
            </span>
          ))}
          {tool.cost_per_call > 0 && (
            <span className="chip">
              <Ltr>{usd(tool.cost_per_call)}</Ltr>
            </span>
          )}
          {tool.output_labels.map((label) => (
            <span key={label} className="chip">
              {t('tools.gives', { label })}
            </span>
          ))}
        </div>
      </div>
      <Pinned tool={tool} changed={changed} />
      {Object.keys(tool.roles).length > 0 && (
        <div className="section">
          <h3>{t('tools.roles')}</h3>
          <dl className="pairs">
            {Object.entries(tool.roles).map(([field, role]) => (
              <div key={field} style={{ display: 'contents' }}>
                <dt>
                  <Ltr mono>{field}</Ltr>
                </dt>
                <dd>{t(`approvals.role.${role}`, role)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      <div className="section">
        <h3>{t('tools.schema')}</h3>
        <pre className="code" dir="ltr" tabIndex={0}>
          {JSON.stringify(tool.input_schema, null, 2)
            .split('\n')
            .map((line, place) => (
              <div key={place}>{line}</div>
            ))}
        </pre>
      </div>
    </section>
  )
}

/** Agents by tools: granted, granted under a condition, or not at all. */
function Matrix({ tools, agents }: { tools: ToolShown[]; agents: AgentShown[] }) {
  const { t } = useTranslation()
  return (
    <div className="card table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('tools.tool')}</th>
            {agents.map((agent) => (
              <th key={agent.name}>
                <Ltr>{agent.name}</Ltr>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tools.map((tool) => (
            <tr key={tool.name}>
              <td>
                <span className="row-gap">
                  <Ltr mono>{tool.name}</Ltr>
                  <Effect effect={tool.effect} />
                </span>
              </td>
              {agents.map((agent) => (
                <td key={agent.name}>
                  <Granted agent={agent} tool={tool.name} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Granted({ agent, tool }: { agent: AgentShown; tool: string }) {
  const { t } = useTranslation()
  const grant = agent.grants.find((each) => each.tool === tool)
  if (grant === undefined) return <span className="quiet">{t('tools.not')}</span>
  if (grant.when || grant.permit === 'policy') {
    return (
      <span className="verdict t-hold" title={grant.when}>
        <IconCircleHalf2 size={15} aria-hidden />
        {t('tools.conditional')}
      </span>
    )
  }
  return (
    <span className="verdict t-allow">
      <IconCheck size={15} aria-hidden />
      {t('tools.granted')}
    </span>
  )
}
