import 'uplot/dist/uPlot.min.css'

import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import UPlot from 'uplot'

import { usd, zone } from '../../format'
import type { Course } from './course'

const HEIGHT = 230
const SECOND = 1_000_000

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** A time chart reads from left to right in every language; its figures stand in a table beside it. */
export function SpendChart({ course }: { course: Course }) {
  const theme = useComputedColorScheme()
  const { ref: sized, width } = useElementSize()
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (place.current === null || width === 0) return undefined
    const chart = new UPlot(options(course, width), data(course), place.current)
    return () => chart.destroy()
  }, [course, width, theme])
  return (
    <div ref={sized} style={{ minHeight: HEIGHT }}>
      <div ref={place} dir="ltr" />
    </div>
  )
}

function data({ points, limit }: Course): UPlot.AlignedData {
  return [
    points.map((point) => point.at / SECOND),
    points.map((point) => (point.spent === null ? null : point.spent / SECOND)),
    points.map((point) => (point.forecast === null ? null : point.forecast / SECOND)),
    points.map(() => (limit === null ? null : limit / SECOND)),
  ]
}

function options({ points, limit }: Course, width: number): UPlot.Options {
  const highest = Math.max(0.01, ...points.map((point) => point.spent ?? point.forecast ?? 0), limit ?? 0) / SECOND
  const [line, quiet] = [colour('--line'), colour('--ink-3')]
  const font = '11px "Inter Variable", sans-serif'
  const blue = colour('--bar-model')
  const axis = { stroke: quiet, font, ticks: { show: false } }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 16, 0, 0],
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), zone()),
    scales: { y: { range: [0, Math.max(0.0001, highest * 1.08)] } },
    axes: [
      { ...axis, size: 30, grid: { show: false }, values: '{HH}:{mm}', space: 60 },
      {
        ...axis,
        size: 64,
        grid: { stroke: line, width: 1 },
        values: (_, ticks) => ticks.map((tick) => usd(Math.round(tick * SECOND))),
      },
    ],
    series: [
      {},
      { stroke: blue, width: 2, fill: `${blue}22`, points: { show: false } },
      { stroke: blue, width: 2, dash: [5, 5], points: { show: false } },
      { stroke: colour('--deny'), width: 1.5, dash: [2, 4], points: { show: false } },
    ],
  }
}
