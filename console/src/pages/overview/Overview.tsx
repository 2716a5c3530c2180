import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
import { language } from '../../i18n'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Page } from '../../parts/Page'
import { AgentsOfTheDay } from './AgentsOfTheDay'
import { Attention } from './Attention'
import { Incidents } from './Incidents'
import { Spend } from './Spend'
import { Tiles } from './Tiles'

const CHANGES = [
  'run_started', 'run_ended', 'decision_made', 'outcome_reported', 'approval_answered', 'stop_changed', 'release_activated',
]

/** What needs somebody now, what today costs, and what the agents do. */
export function Overview() {
  const { t } = useTranslation()
  useFresh(['overview'], ({ kind }) => CHANGES.includes(kind))
  const overview = useQuery({
    queryKey: ['overview', language()],
    queryFn: () => answer(api.GET('/api/v1/overview', { params: { query: { language: language() } } })),
    refetchInterval: 60_000,
  })
  return (
    <Page title={t('overview.title')}>
      <Loaded query={overview} lines={6}>
        {(found) => (
          <>
            <Tiles overview={found} />
            <div className="grid">
              <Spend overview={found} />
              <Attention items={found.attention} more={found.more} at={found.at} />
            </div>
            <Incidents />
            <section className="card">
              <div className="card-head">
                <h2>{t('overview.agents')}</h2>
              </div>
              {found.agents.length === 0 ? (
                <Empty title={t('overview.none')} command="make run">
                  {t('overview.first')}
                </Empty>
              ) : (
                <AgentsOfTheDay agents={found.agents} />
              )}
            </section>
          </>
        )}
      </Loaded>
    </Page>
  )
}
