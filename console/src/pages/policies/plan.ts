import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'

import { answer, api, type Mistake, Refused } from '../../api/client'
import type { PlanShown } from '../../api/schema'
import { language } from '../../i18n'
import { filesQuery } from '../../parts/files'

/** Texts that somebody has written in the place of files, by their paths. */
export type Drafts = Record<string, string>

/** What making a release of drafts would change, and what keeps it from being one. */
export interface Planned {
  isReady: boolean
  plan: PlanShown | undefined
  files: Record<string, string>
  mistakes: Mistake[]
  error: Error | null
}

const TYPED_MS = 400
const NONE: Mistake[] = []

/** Have the server read drafts while they are written: it alone says what a policy means. */
export function usePlan(release: string, drafts: Drafts): Planned {
  const [written] = useDebouncedValue(drafts, TYPED_MS)
  const isWritten = Object.keys(written).length > 0
  const files = useQuery({ ...filesQuery(release), enabled: isWritten })
  const all = { ...files.data, ...written }
  const plan = useQuery({
    queryKey: ['plan', release, written, language()],
    enabled: isWritten && files.data !== undefined,
    retry: false,
    gcTime: 60_000,
    queryFn: () =>
      answer(
        api.POST('/api/v1/releases/plan', {
          params: { query: { language: language() } },
          body: { files: all, channel: 'production', message: '', only: [], expect: [], expected: '' },
        }),
      ),
  })
  const { error } = plan
  const mistakes = error instanceof Refused && error.problem.code === 'folder_has_problems' ? error.problem.problems : NONE
  return { isReady: written === drafts && plan.isSuccess, plan: plan.data, files: all, mistakes, error: mistakes.length > 0 ? null : error }
}
