import { queryOptions, useQuery } from '@tanstack/react-query'

import { answer, api } from '../api/client'
import { useFresh } from '../api/live'

const COUNTED_MS = 3_000

export const stopsQuery = queryOptions({
  queryKey: ['stops'],
  queryFn: () => answer(api.GET('/api/v1/stops')),
  // Who is told, and who acknowledges, makes no event.
  refetchInterval: (query) => (query.state.data?.stops.length ? COUNTED_MS : false),
})

/** The stops in force. */
export function useStops() {
  useFresh(['stops'], ({ kind }) => kind === 'stop_changed')
  return useQuery(stopsQuery).data?.stops ?? []
}

export const freeze = (target: string, reason: string) =>
  answer(api.POST('/api/v1/stops', { body: { target, reason } }))

export const lift = (target: string, reason: string) => answer(api.POST('/api/v1/stops/lift', { body: { target, reason } }))

export const terminate = (target: string, reason: string) =>
  answer(api.POST('/api/v1/stops/terminate', { body: { target, reason } }))

export const reactivate = (target: string, reason: string) =>
  answer(api.POST('/api/v1/stops/reactivate', { body: { target, reason } }))
