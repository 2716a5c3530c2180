import { Skeleton } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { Said } from './Said'

interface Props<T> {
  query: UseQueryResult<T>
  lines?: number
  children: (data: T) => ReactNode
}

/** What was asked for, once it is there; until then its outline, and what went wrong where it did not come. */
export function Loaded<T>({ query, lines = 4, children }: Props<T>) {
  const { t } = useTranslation()
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.error) return <Said error={query.error} again={() => void query.refetch()} />
  return (
    <div role="status" aria-label={t('frame.loading')} style={{ display: 'grid', gap: 10, padding: 16 }}>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} height={16} width={`${90 - line * 12}%`} radius="sm" />
      ))}
    </div>
  )
}
