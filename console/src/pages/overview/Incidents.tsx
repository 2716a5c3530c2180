import type { Icon } from '@tabler/icons-react'
import { IconAlertTriangle, IconCoins, IconHandStop, IconPlugConnectedX, IconRepeat, IconShieldX } from '@tabler/icons-react'
import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { IncidentShown } from '../../api/schema'
import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'

const PAGE = 8

const SIGNS: Record<IncidentShown['kind'], Icon> = {
  stop: IconHandStop,
  loop: IconRepeat,
  budget: IconCoins,
  tool_changed: IconPlugConnectedX,
  tool_not_accepted: IconPlugConnectedX,
  policy_error: IconShieldX,
  policies_differed: IconAlertTriangle,
}

/** What went wrong lately, the latest first; the records of it are one click away. */
export function Incidents() {
  const { t } = useTranslation()
  const incidents = useInfiniteQuery({
    queryKey: ['overview', 'incidents'],
    initialPageParam: '',
    queryFn: ({ pageParam }) => answer(api.GET('/api/v1/incidents', { params: { query: { cursor: pageParam, limit: PAGE } } })),
    getNextPageParam: (last) => last.next,
  })
  return (
    <section className="card" aria-labelledby="incidents-title">
      <div className="card-head">
        <h2 id="incidents-title">{t('overview.incidents')}</h2>
      </div>
      <Loaded query={incidents} lines={3}>
        {({ pages }) => {
          const found = pages.flatMap((page) => page.incidents)
          if (found.length === 0) return <Empty title={t('overview.noIncident')} />
          return (
            <>
              <div className="table-scroll">
                <table className="table">
                  <tbody>
                    {found.map((each) => (
                      <Row key={each.id} incident={each} />
                    ))}
                  </tbody>
                </table>
              </div>
              {incidents.hasNextPage && (
                <div style={{ display: 'grid', justifyItems: 'center', padding: 12 }}>
                  <Button size="xs" variant="default" loading={incidents.isFetchingNextPage} onClick={() => void incidents.fetchNextPage()}>
                    {t('run.more')}
                  </Button>
                </div>
              )}
            </>
          )
        }}
      </Loaded>
    </section>
  )
}

function Row({ incident }: { incident: IncidentShown }) {
  const { t } = useTranslation()
  const Sign = SIGNS[incident.kind]
  return (
    <tr data-link={incident.run !== ''}>
      <td>
        <span className="row-gap">
          <Sign size={16} stroke={1.9} className={incident.kind === 'stop' ? 't-hold' : 't-deny'} aria-hidden />
          {incident.run ? (
            <Link to="/runs/$run" params={{ run: incident.run }} search={incident.action ? { step: incident.action } : {}}>
              {t(`overview.incident.${incident.kind}`)}
            </Link>
          ) : (
            t(`overview.incident.${incident.kind}`)
          )}
        </span>
      </td>
      <td>
        <Ltr mono>{incident.subject}</Ltr>
        {incident.reason && (
          <div className="sub">
            <bdi>{incident.reason}</bdi>
          </div>
        )}
      </td>
      <td className="sub">
        <Ltr>{incident.by || incident.agent}</Ltr>
      </td>
      <td className="end num">{incident.count > 1 ? <Ltr>× {number(incident.count)}</Ltr> : null}</td>
      <td className="end sub">
        <Moment at={incident.last_at} />
      </td>
    </tr>
  )
}
