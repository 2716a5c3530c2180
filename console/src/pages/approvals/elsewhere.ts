import { notifications } from '@mantine/notifications'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { type LiveEvent, useEvents } from '../../api/live'
import { useSession } from '../../api/session'

/** Say who answered what is looked at, where it was somebody else: it leaves the list by itself. */
export function useAnsweredElsewhere(id: string): void {
  const { t } = useTranslation()
  const { person } = useSession()
  const heard = useCallback(
    (event: LiveEvent) => {
      if (event.kind !== 'approval_answered' || event.approval !== id) return
      void answer(api.GET('/api/v1/approvals/{approval}', { params: { path: { approval: id } } })).then((found) => {
        const last = (found.answers as { by?: string; answer?: string }[]).at(-1)
        if (!last?.by || last.by === person) return
        notifications.show({ message: t('approvals.elsewhere', { who: last.by, answer: t(`run.answer.${last.answer}`) }), color: 'gray', autoClose: 12_000 })
      })
    },
    [id, person, t],
  )
  useEvents(heard)
}
