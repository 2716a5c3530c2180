import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import type { HourShown, OverviewShown } from '../../api/schema'
import { moment, number, percent } from '../../format'
import { Ltr } from '../../parts/Ltr'

type Counted = Exclude<keyof HourShown, 'start'>

const sum = (hours: HourShown[], what: Counted): number => hours.reduce((all, hour) => all + hour[what], 0)

const share = (part: number, whole: number): string => percent(whole === 0 ? 0 : part / whole)

/** Open runs, and how often the last 24 hours were held, denied or failed. */
export function Tiles({ overview }: { overview: OverviewShown }) {
  const { t } = useTranslation()
  const { hours, runs, since } = overview
  const [allowed, held, denied] = [sum(hours, 'allow'), sum(hours, 'hold'), sum(hours, 'deny')]
  const decided = allowed + held + denied
  const errors = sum(hours, 'errors')
  const isWhole = since <= (hours[0]?.start ?? since)
  return (
    <div className="card facts">
      <Tile name={t('overview.running')} beside={t('overview.stopped', { count: runs.stopped })}>
        <Link to="/runs" search={{ state: 'running' }} className="overview-link">
          {number(runs.open)}
        </Link>
      </Tile>
      <Tile
        name={t('overview.decisions')}
        beside={isWhole ? t('overview.day') : t('overview.since', { when: moment(since) })}
      >
        {number(decided)}
      </Tile>
      <Tile name={t('overview.held')} beside={t('overview.of', { share: share(held, decided) })}>
        {number(held)}
      </Tile>
      <Tile name={t('overview.denied')} beside={t('overview.of', { share: share(denied, decided) })}>
        {number(denied)}
      </Tile>
      <Tile name={t('overview.errors')} beside={t('overview.ofAllowed', { share: share(errors, allowed) })}>
        {number(errors)}
      </Tile>
    </div>
  )
}

function Tile({ name, beside, children }: { name: string; beside: string; children: ReactNode }) {
  return (
    <div className="fact">
      <div className="k">{name}</div>
      <div className="v num">
        <Ltr>{children}</Ltr>
      </div>
      <div className="s">{beside}</div>
    </div>
  )
}
