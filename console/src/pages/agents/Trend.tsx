import 'uplot/dist/uPlot.min.css'

import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import UPlot from 'uplot'

import type { HourShown } from '../../api/schema'
import { number, usd, zone } from '../../format'
import { Ltr } from '../../parts/Ltr'

const HEIGHT = 130
const SECOND = 1_000_000
const HOUR_S = 3_600

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** The last 24 hours of an agent, hour by hour: what was denied, and what its calls cost. */
export default function Trend({ hours }: { hours: HourShown[] }) {
  const { t } = useTranslation()
  const sum = (of: (hour: HourShown) => number) => hours.reduce((all, hour) => all + of(hour), 0)
  const denied = sum((hour) => hour.deny)
  const decided = sum((hour) => hour.allow + hour.hold + hour.deny)
  return (
    <div className="trend">
      <div>
        <div className="row-gap">
          <span className="sub">{t('agents.denied')}</span>
          <b className="num">{t('agents.ofAll', { shown: number(denied), all: number(decided) })}</b>
        </div>
        <Bars hours={hours} of={(hour) => hour.deny} ink="--deny" shown={(value) => (Number.isInteger(value) ? number(value) : '')} />
      </div>
      <div>
        <div className="row-gap">
          <span className="sub">{t('agents.cost')}</span>
          <b>
            <Ltr>{usd(sum((hour) => hour.cost))}</Ltr>
          </b>
        </div>
        <Bars hours={hours} of={(hour) => hour.cost / SECOND} ink="--bar-model" shown={(value) => usd(Math.round(value * SECOND))} />
      </div>
    </div>
  )
}

interface BarsProps {
  hours: HourShown[]
  of: (hour: HourShown) => number
  ink: string
  shown: (value: number) => string
}

/** A time chart reads from left to right in every language; its sum stands in words above it. */
function Bars({ hours, of, ink, shown }: BarsProps) {
  const theme = useComputedColorScheme()
  const { ref: sized, width } = useElementSize()
  const place = useRef<HTMLDivElement>(null)
  const values = hours.map(of)
  const key = values.join(' ')
  useEffect(() => {
    if (place.current === null || width === 0) return undefined
    const times = hours.map((hour) => hour.start / SECOND)
    const chart = new UPlot(options(width, Math.max(...values), ink, shown), [times, values], place.current)
    return () => chart.destroy()
    // The values are compared by what they say: each asking again makes them anew.
  }, [key, width, theme])
  return (
    <div ref={sized} style={{ minHeight: HEIGHT }} aria-hidden>
      <div ref={place} dir="ltr" />
    </div>
  )
}

function options(width: number, highest: number, ink: string, shown: (value: number) => string): UPlot.Options {
  const axis = { stroke: colour('--ink-3'), font: '11px "Inter Variable", sans-serif', ticks: { show: false } }
  const fill = colour(ink)
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 8, 0, 0],
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), zone()),
    scales: { x: { range: (_, from, to) => [from - HOUR_S / 2, to + HOUR_S / 2] }, y: { range: [0, highest > 0 ? highest * 1.1 : 1] } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, values: '{HH}:{mm}', space: 60 },
      { ...axis, size: 58, space: 34, grid: { stroke: colour('--line'), width: 1 }, values: (_, ticks) => ticks.map(shown) },
    ],
    series: [{}, { stroke: fill, fill, width: 0, points: { show: false }, paths: UPlot.paths.bars!({ size: [0.7, 26] }) }],
  }
}
