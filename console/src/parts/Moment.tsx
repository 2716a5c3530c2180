import { Tooltip } from '@mantine/core'

import { useNow } from '../api/live'
import { ago, hijri, moment } from '../format'

/** A time as how long ago it was, or until it is ahead; the exact one, and the Hijri date, on hover. */
export function Moment({ at, isAhead = false }: { at: number; isAhead?: boolean }) {
  const now = useNow(10_000)
  return (
    <Tooltip label={<Exactly at={at} />} withArrow>
      <time dateTime={new Date(at / 1000).toISOString()} tabIndex={0}>
        {ago(at, isAhead ? now : Math.max(now, at))}
      </time>
    </Tooltip>
  )
}

export function Exactly({ at }: { at: number }) {
  return (
    <>
      <div className="num">{moment(at)}</div>
      <div className="num">{hijri(at)}</div>
    </>
  )
}
