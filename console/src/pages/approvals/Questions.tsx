import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'

/** What people asked the agent, and what it said: its own words, which nobody has checked. */
export function Questions({ id }: { id: string }) {
  const { t } = useTranslation()
  const questions = useQuery({
    queryKey: ['approval', id, 'questions'],
    retry: false,
    queryFn: () => answer(api.GET('/api/v1/approvals/{approval}/questions', { params: { path: { approval: id } } })),
  })
  const asked = questions.data?.questions ?? []
  if (asked.length === 0) return null
  return (
    <div>
      <h3>{t('approvals.questions')}</h3>
      {asked.map((question) => (
        <div key={question.question} style={{ padding: '4px 0', display: 'grid', gap: 4 }}>
          <div>
            <Ltr>{question.by}</Ltr>{' '}
            <span className="quiet">
              <Moment at={question.at} />
            </span>
            <div>
              <bdi>{question.text}</bdi>
            </div>
          </div>
          {question.agent_says === null ? (
            <span className="sub">{t('approvals.noReply')}</span>
          ) : (
            <blockquote className="approval-claim">
              <div className="quiet">{t('approvals.agentSays')}</div>
              <bdi>{question.agent_says}</bdi>
            </blockquote>
          )}
        </div>
      ))}
    </div>
  )
}
