import { Avatar } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'

interface Said {
  by: string
  answer: string
  comment?: string
  at: number
}

/** Who has answered, how, and what they said. */
export function Answers({ id }: { id: string }) {
  const { t } = useTranslation()
  const approval = useQuery({
    queryKey: ['approval', id, 'answers'],
    queryFn: () => answer(api.GET('/api/v1/approvals/{approval}', { params: { path: { approval: id } } })),
  })
  const answers = (approval.data?.answers ?? []) as unknown as Said[]
  if (answers.length === 0) return null
  return (
    <div>
      <h3>{t('approvals.answers')}</h3>
      {answers.map((said) => (
        <div key={`${said.by} ${said.at}`} className="row-gap" style={{ padding: '4px 0' }}>
          <Avatar size={24} name={said.by.replace('user:', '')} color="brand" />
          <Ltr>{said.by}</Ltr>
          <span className={said.answer === 'rejected' ? 't-deny' : 't-allow'}>{t(`run.answer.${said.answer}`, said.answer)}</span>
          <span className="quiet">
            <Moment at={said.at} />
          </span>
          {said.comment && (
            <bdi className="sub" style={{ flexBasis: '100%' }}>
              “{said.comment}”
            </bdi>
          )}
        </div>
      ))}
    </div>
  )
}
