import { Badge } from '@mantine/core'
import { IconBan, IconCircleCheck, IconLoader } from '@tabler/icons-react'
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../api/client'
import { proven } from './proof'

const keysQuery = queryOptions({
  queryKey: ['ledger-keys'],
  staleTime: 60_000,
  queryFn: async () => String(await answer(api.GET('/api/v1/ledger/keys', { parseAs: 'text' }))),
})

/** Whether one record is in the ledger under the signed checkpoint, worked out in this page. */
export function Proof({ no }: { no: number }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const proof = useQuery({
    queryKey: ['proof', no],
    staleTime: 60_000,
    retry: false,
    queryFn: async () => {
      const found = await answer(api.GET('/api/v1/ledger/inclusion', { params: { query: { number: no } } }))
      return proven(found, await client.fetchQuery(keysQuery))
    },
  })
  if (proof.isPending) return <IconLoader size={15} className="quiet" aria-label={t('frame.loading')} />
  if (proof.error) return <Badge variant="light" color="gray" size="sm">{t('run.notSealed')}</Badge>
  const [Icon, colour, word] = proof.data ? [IconCircleCheck, 't-allow', t('run.verified')] : [IconBan, 't-deny', t('run.broken')]
  return (
    <span className={`verdict ${colour}`}>
      <Icon size={15} aria-hidden />
      {word}
    </span>
  )
}
