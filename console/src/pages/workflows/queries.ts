import { queryOptions } from '@tanstack/react-query'

import { answer, answerOr, api } from '../../api/client'

/** The workflows of the release in use. */
export const workflowsQuery = queryOptions({
  queryKey: ['workflows'],
  queryFn: () => answerOr({ workflows: [] }, api.GET('/api/v1/workflows', {})),
})

/** A workflow as a release has it, or as the one in use does. */
export const workflowQuery = (workflow: string, release = '') =>
  queryOptions({
    queryKey: ['workflows', workflow, release],
    staleTime: release === '' ? 5_000 : Infinity, // a release never changes
    queryFn: () => answer(api.GET('/api/v1/workflows/{workflow}', { params: { path: { workflow }, query: { release } } })),
  })

export const schedulesQuery = queryOptions({
  queryKey: ['workflow-schedules'],
  refetchInterval: 30_000,
  queryFn: () => answer(api.GET('/api/v1/workflow-schedules')),
})
