import { Button } from '@mantine/core'
import { IconHandStop } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { StopShown } from '../api/schema'
import { useMay } from '../api/session'
import { number } from '../format'
import { useAct } from '../parts/act'
import { Ltr } from '../parts/Ltr'
import { Moment } from '../parts/Moment'
import { lift, useStops } from './stops'

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

function InForce({ stop }: { stop: StopShown }) {
  const { t } = useTranslation()
  const may = useMay('operator', 'admin')
  const lifting = useAct(() => lift(stop.target, ''), {
    said: () => t('frame.stop.lifted', { target: stop.target }),
    changes: ['stops', 'runs', 'agents'],
  })
  return (
    <div style={{ display: 'flex', alignItems: 'center', gap: 12, flexWrap: 'wrap' }}>
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
        {stop.told > 0 && <span className="sub"> · {t('frame.stop.acknowledged', { shown: number(stop.acknowledged), all: number(stop.told) })}</span>}
      </span>
      {may && stop.kind !== 'termination' && (
        <Button
          size="compact-xs"
          variant="default"
          style={{ marginInlineStart: 'auto' }}
          loading={lifting.isPending}
          onClick={() => lifting.mutate(undefined)}
        >
          {t('frame.stop.unfreeze')}
        </Button>
      )}
    </div>
  )
}
