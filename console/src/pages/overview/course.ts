import type { OverviewShown } from '../../api/schema'

const HOUR = 3_600_000_000
const DAY = 24 * HOUR

/** A time in microseconds and what had been spent by then, in micro-USD; null where a line does not go. */
export interface Point {
  at: number
  spent: number | null
  forecast: number | null
}

/** How spending went: through the day of the workspace's daily budget, or else through the last 24 hours. */
export interface Course {
  isToday: boolean
  spent: number
  points: Point[]
  forecast: number | null
  limit: number | null
}

export function courseOf({ at, since, hours, budget }: OverviewShown): Course {
  const today = budget?.window === 'day' ? budget : null
  const start = Math.max(today ? today.window_start : at - DAY, Math.min(since, at))
  const known = hours.filter((hour) => hour.start + HOUR > start)
  const counted = known.reduce((sum, hour) => sum + hour.cost, 0)
  const spent = today ? today.spent : counted
  let sum = Math.max(0, spent - counted) // what was spent before the sums begin
  const points: Point[] = [{ at: start, spent: sum, forecast: null }]
  for (const hour of known) {
    sum = Math.min(spent, sum + hour.cost)
    points.push({ at: Math.min(at, hour.start + HOUR), spent: sum, forecast: null })
  }
  points[points.length - 1] = { at, spent, forecast: today ? spent : null }
  if (today && today.forecast !== null && today.window_end > at) {
    points.push({ at: today.window_end, spent: null, forecast: today.forecast })
  }
  return { isToday: today !== null, spent, points, forecast: today?.forecast ?? null, limit: today?.amount ?? null }
}
