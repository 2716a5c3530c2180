import { Button, Popover } from '@mantine/core'
import { IconHandStop } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../api/client'
import type { StopShown } from '../api/schema'
import { number } from '../format'
import { Ltr } from '../parts/Ltr'
import { Moment } from '../parts/Moment'
import { Ladder } from './Ladder'
import { useStops } from './stops'

const SHOWN = 3

/** While anything is frozen, every page says what, by whom and why. */
export function FreezeBanner() {
  const { t } = useTranslation()
  // A stop of one run is told on its page: the loop check makes many, and most of their runs have ended.
  const stops = useStops().filter((stop) => !stop.target.startsWith('run:'))
  if (stops.length === 0) return null
  return (
    <div className="banner" role="region" aria-label={t('frame.stop.inForce')} style={{ display: 'grid', gap: 6 }}>
      {stops.slice(0, SHOWN).map((stop) => (
        <InForce key={stop.target} stop={stop} />
      ))}
      {stops.length > SHOWN && <div className="sub">{t('frame.stop.more', { count: stops.length - SHOWN })}</div>}
    </div>
  )
}

/** One stop: what, who, why, who has heard of it, and what can be done about it. */
export function InForce({ stop }: { stop: StopShown }) {
  const { t } = useTranslation()
  return (
    <div className="in-force">
      <IconHandStop size={17} color="var(--deny)" aria-hidden style={{ flex: 'none' }} />
      <span>
        <b>
          {stop.target === 'workspace' ? t('frame.stop.everything') : <Ltr mono>{stop.target}</Ltr>}{' '}
          {stop.kind === 'termination' ? t('frame.stop.isTerminated') : t('frame.stop.isFrozen')}
        </b>{' '}
        {t('frame.stop.by')} <Ltr>{stop.by}</Ltr>, <Moment at={stop.at} />
        {stop.reason && (
          <>
            : <bdi>“{stop.reason}”</bdi>
          </>
        )}
      </span>
      {stop.told > 0 && <Acknowledged stop={stop} />}
      <Ladder stop={stop} />
    </div>
  )
}

/** How many of those who listened have said that they stopped; which of them, on a click. */
function Acknowledged({ stop }: { stop: StopShown }) {
  const { t } = useTranslation()
  return (
    <Popover width={360} position="bottom" shadow="md">
      <Popover.Target>
        <Button size="compact-xs" variant="subtle" color="gray" className="acknowledged">
          {t('frame.stop.acknowledged', { shown: number(stop.acknowledged), all: number(stop.told) })}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Listeners id={stop.id} acknowledged={stop.acknowledged} />
      </Popover.Dropdown>
    </Popover>
  )
}

function Listeners({ id, acknowledged }: { id: string; acknowledged: number }) {
  const { t } = useTranslation()
  const told = useQuery({
    queryKey: ['stops', id, 'listeners', acknowledged],
    queryFn: () => answer(api.GET('/api/v1/stops/{stop}/listeners', { params: { path: { stop: id } } })),
  })
  return (
    <ul className="listeners">
      {(told.data?.listeners ?? []).map((each) => (
        <li key={each.listener}>
          <Ltr>{each.agent}</Ltr>
          <span className={each.acknowledged_at === null ? 't-hold' : 't-allow'}>
            {each.acknowledged_at === null ? t('frame.stop.notYet') : <Moment at={each.acknowledged_at} />}
          </span>
        </li>
      ))}
    </ul>
  )
}
