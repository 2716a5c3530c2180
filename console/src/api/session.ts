import { queryOptions, useQuery } from '@tanstack/react-query'

import { answer, api, carry } from './client'
import { queries } from './queries'
import type { SessionShown } from './schema'

export type Role = 'viewer' | 'operator' | 'approver' | 'author' | 'auditor' | 'admin'

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: Infinity,
  queryFn: async (): Promise<SessionShown> => began(await answer(api.GET('/api/v1/session'))),
})

/** Go on as whoever has signed in. */
export function began(found: SessionShown): SessionShown {
  carry(found.csrf)
  return found
}

export async function signIn(person: string, password: string, workspace: string): Promise<void> {
  const found = await answer(api.POST('/api/v1/session', { body: { person, password, workspace } }))
  queries.setQueryData(sessionQuery.queryKey, began(found))
}

export async function useLink(secret: string): Promise<void> {
  const found = await answer(api.POST('/api/v1/session/link', { body: { secret } }))
  queries.setQueryData(sessionQuery.queryKey, began(found))
}

export async function signOut(): Promise<void> {
  await answer(api.DELETE('/api/v1/session'))
  queries.clear()
  window.location.assign('/sign-in')
}

/** The session of this page; the frame is only drawn with one. */
export function useSession(): SessionShown {
  const { data } = useQuery(sessionQuery)
  if (data === undefined) throw new Error('nobody has signed in')
  return data
}

/** Whether this person may do what needs one of these roles. The server decides; this hides what it would refuse. */
export function useMay(...roles: Role[]): boolean {
  const { roles: held } = useSession()
  return roles.some((role) => held.includes(role))
}
