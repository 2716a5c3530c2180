import { IconAlertTriangle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { IncidentShown, ToolShown } from '../../api/schema'
import { short } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'

/** Tools that were denied lately because their server shows another definition than the one a person has looked at. */
export function useChanged(): Map<string, IncidentShown> {
  const changed = useQuery({
    queryKey: ['incidents', 'tool_changed'],
    queryFn: () => answer(api.GET('/api/v1/incidents', { params: { query: { kind: 'tool_changed', limit: 200 } } })),
  })
  return new Map([...(changed.data?.incidents ?? [])].reverse().map((each) => [each.subject, each]))
}

/** What stands between a tool and its server: what it is called there, and the definition that was looked at. */
export function Pinned({ tool, changed }: { tool: ToolShown; changed?: IncidentShown }) {
  const { t } = useTranslation()
  if (!tool.upstream && !tool.pin) return null
  return (
    <div className="section">
      <h3>{t('tools.behind')}</h3>
      {changed && (
        <div className="note bad" style={{ marginBottom: 10 }}>
          <IconAlertTriangle size={16} color="var(--deny)" aria-hidden style={{ flex: 'none' }} />
          <div>
            {t('tools.changedTold')} <Moment at={changed.last_at} />
            <div>
              <Ltr mono>remit tools import {tool.server} --check</Ltr>
            </div>
          </div>
        </div>
      )}
      <dl className="pairs">
        <dt>{t('tools.server')}</dt>
        <dd>
          <Ltr mono>{tool.server}</Ltr>
        </dd>
        <dt>{t('tools.calledThere')}</dt>
        <dd>
          <Ltr mono>{tool.upstream || tool.name}</Ltr>{' '}
          {tool.via !== 'tool' && <span className="chip">{t(`tools.via.${tool.via}`, tool.via)}</span>}
        </dd>
        <dt>{t('tools.pin')}</dt>
        <dd>
          {tool.pin ? (
            <Ltr mono title={tool.pin}>
              {short(tool.pin.replace('sha256:', ''))}
            </Ltr>
          ) : (
            <span className="t-deny">{t('tools.noPin')}</span>
          )}
        </dd>
        {tool.status && (
          <>
            <dt>{t('tools.status')}</dt>
            <dd>
              <Ltr mono>{tool.status}</Ltr>
            </dd>
          </>
        )}
        {tool.approvers && (
          <>
            <dt>{t('tools.approvers')}</dt>
            <dd>
              <Ltr>{tool.approvers}</Ltr>
            </dd>
          </>
        )}
      </dl>
    </div>
  )
}
