import { QueryClient } from '@tanstack/react-query'

import { Refused } from './client'

const TRIES = 3

/** Refusals are answers: asking again would not change them. What did not arrive is asked again. */
const again = (failures: number, error: Error): boolean => !(error instanceof Refused) && failures < TRIES

export const queries = new QueryClient({
  defaultOptions: {
    queries: { retry: again, staleTime: 5_000, refetchOnWindowFocus: true },
    mutations: { retry: false },
  },
})
