import { queryOptions } from '@tanstack/react-query'

import { answer, api } from '../api/client'

/** The files a release was made of. */
export const filesQuery = (release: string) =>
  queryOptions({
    queryKey: ['files', release],
    staleTime: Infinity, // a release never changes
    queryFn: async () => {
      const found = await answer(api.GET('/api/v1/releases/{release}/files', { params: { path: { release } } }))
      return found.files as Record<string, string>
    },
  })
