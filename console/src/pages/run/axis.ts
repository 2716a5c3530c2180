/** A span of time in microseconds in which something happened. */
export interface Span {
  from: number
  to: number
}

interface Piece {
  from: number
  to: number
  /** Where the piece begins and ends on the axis, as shares of its width. */
  x0: number
  x1: number
  isFold: boolean
}

/** A time axis on which long idle stretches are folded, so that a person's hour does not squash the agent's second. */
export interface Axis {
  at: (time: number) => number
  folds: Piece[]
  ticks: { time: number; x: number }[]
}

const FOLD_SHARE = 0.09
const FOLDS = 4
const LEAST_IDLE = 5_000_000
/** Idle for longer than this part of what was busy is worth a fold. */
const IDLE_PART = 0.35

/** Make an axis from `start` to `end` over what happened in between. */
export function axisOf(spans: Span[], start: number, end: number): Axis {
  const last = Math.max(end, start + 1_000)
  const idle = gaps(spans, start, last)
  const busy = last - start - idle.reduce((sum, gap) => sum + gap.to - gap.from, 0)
  const folded = idle
    .filter((gap) => gap.to - gap.from > Math.max(LEAST_IDLE, busy * IDLE_PART))
    .sort((one, other) => other.to - other.from - (one.to - one.from))
    .slice(0, FOLDS)
    .sort((one, other) => one.from - other.from)
  const pieces = laidOut(folded, start, last)
  const at = (time: number) => placeOf(pieces, time)
  return { at, folds: pieces.filter((piece) => piece.isFold), ticks: ticksOf(pieces, start, at) }
}

/** The ticks that leave each other this share of the axis, so that their words do not run into each other. */
export function spaced(ticks: Axis['ticks'], share: number): Axis['ticks'] {
  const kept: Axis['ticks'] = []
  for (const tick of ticks) if (kept.length === 0 || tick.x - kept[kept.length - 1].x >= share) kept.push(tick)
  return kept
}

function gaps(spans: Span[], start: number, end: number): Span[] {
  const found: Span[] = []
  let reached = start
  for (const span of [...spans].sort((one, other) => one.from - other.from)) {
    if (span.from > reached) found.push({ from: reached, to: Math.min(span.from, end) })
    reached = Math.max(reached, span.to)
  }
  if (reached < end) found.push({ from: reached, to: end })
  return found.filter((gap) => gap.to > gap.from)
}

function laidOut(folded: Span[], start: number, end: number): Piece[] {
  const hidden = folded.reduce((sum, gap) => sum + gap.to - gap.from, 0)
  const shown = Math.max(1, end - start - hidden)
  const scale = (1 - folded.length * FOLD_SHARE) / shown
  const pieces: Piece[] = []
  let time = start
  let x = 0
  const add = (to: number, width: number, isFold: boolean) => {
    pieces.push({ from: time, to, x0: x, x1: x + width, isFold })
    time = to
    x += width
  }
  for (const gap of folded) {
    if (gap.from > time) add(gap.from, (gap.from - time) * scale, false)
    add(gap.to, FOLD_SHARE, true)
  }
  if (end > time || pieces.length === 0) add(end, 1 - x, false)
  return pieces
}

function placeOf(pieces: Piece[], time: number): number {
  const piece = pieces.find((each) => time <= each.to) ?? pieces[pieces.length - 1]
  const share = (time - piece.from) / Math.max(1, piece.to - piece.from)
  return piece.x0 + Math.min(1, Math.max(0, share)) * (piece.x1 - piece.x0)
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600].map((seconds) => seconds * 1_000_000)
const SMALL = [1_000, 5_000, 10_000, 50_000, 100_000, 200_000, 500_000]
const APART = 0.13

function ticksOf(pieces: Piece[], start: number, at: (time: number) => number): { time: number; x: number }[] {
  const longest = Math.max(...pieces.filter((piece) => !piece.isFold).map((piece) => piece.to - piece.from), 1)
  const step = [...SMALL, ...STEPS].find((each) => longest / each <= 5) ?? STEPS[STEPS.length - 1]
  const ticks = [{ time: 0, x: 0 }]
  for (const piece of pieces) {
    if (piece.isFold) continue
    for (let time = Math.ceil((piece.from - start + 1) / step) * step; start + time < piece.to; time += step) {
      const x = at(start + time)
      if (x - ticks[ticks.length - 1].x >= APART && x < 1 - APART / 2) ticks.push({ time, x })
    }
  }
  return ticks
}
