import { useQueries, useQuery } from '@tanstack/react-query'

import { answer, api } from '../api/client'
import type { ReleaseShown } from '../api/schema'
import { filesQuery } from './files'

/** How many releases are looked through for where a file changed. */
const MOST = 30

/** A text that stood in a release, and the release made after it, in which it became another. */
export interface Version {
  release: ReleaseShown
  text: string
  changedBy: ReleaseShown
}

/** All releases, the newest first. */
export function useReleases(): ReleaseShown[] {
  const releases = useQuery({ queryKey: ['releases'], queryFn: () => answer(api.GET('/api/v1/releases', {})) })
  return releases.data?.releases ?? []
}

/** The releases from one on back in time, and after them those made later. */
export function useReleasesUntil(release: string): ReleaseShown[] {
  const all = useReleases()
  const place = Math.max(0, all.findIndex((each) => each.id === release))
  return [...all.slice(place), ...all.slice(0, place)].slice(0, MOST)
}

/** Each release in which a text was another than in the one looked at before it, the newest first. */
export function useVersions(textOf: (files: Record<string, string>) => string | undefined, line: ReleaseShown[]): Version[] {
  const files = useQueries({ queries: line.map((each) => filesQuery(each.id)) })
  const texts = files.map((each) => (each.data === undefined ? undefined : textOf(each.data)))
  const found: Version[] = []
  let last = texts[0]
  line.forEach((release, at) => {
    const text = texts[at]
    if (text === undefined || text === last) return
    found.push({ release, text, changedBy: line[Math.max(0, at - 1)] })
    last = text
  })
  return found
}
