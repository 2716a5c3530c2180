import { queryOptions, useQuery } from '@tanstack/react-query'

import { answer, api } from '../api/client'
import { useFresh } from '../api/live'

export const waitingQuery = queryOptions({
  queryKey: ['approvals', 'pending'],
  queryFn: () => answer(api.GET('/api/v1/approvals', { params: { query: { state: 'pending' } } })),
})

/** How many approvals wait for somebody. */
export function useWaiting(): number {
  useFresh(['approvals'], ({ kind, verdict }) => kind === 'approval_answered' || verdict === 'hold' || kind === 'run_ended')
  return useQuery(waitingQuery).data?.approvals.length ?? 0
}
