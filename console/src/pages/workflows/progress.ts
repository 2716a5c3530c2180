import type { DefinedStep, WorkflowStepShown } from '../../api/schema'

/** What undoes a step has the step's own path behind this. */
export const UNDO = 'undo/'

/** The steps of a definition by where they stand in it: `quotes/each/ask`. */
export type Places = Map<string, { step: DefinedStep; order: number }>

/** All steps at one place: one, or one for each item or round. */
export interface Progress {
  state: string
  counts: Record<string, number>
  paths: string[]
}

export function placesOf(steps: DefinedStep[]): Places {
  const found: Places = new Map()
  const walk = (inner: DefinedStep[], before: string) => {
    for (const step of inner) {
      found.set(before + step.id, { step, order: found.size })
      for (const [way, within] of Object.entries(step.ways)) walk(within, `${before}${step.id}/${way}/`)
    }
  }
  walk(steps, '')
  return found
}

/** Where a step stands in the definition: its path without the numbers of items and rounds. */
export function placeOf(path: string, places: Places): string {
  const parts = (path.startsWith(UNDO) ? path.slice(UNDO.length) : path).split('/')
  let place = parts[0]
  for (let at = 1; at + 1 < parts.length; at += 2) {
    const ways = places.get(place)?.step.ways ?? {}
    place = `${place}/${'each' in ways ? 'each' : parts[at]}/${parts[at + 1]}`
  }
  return place
}

/** The worst first: what a place is said to be, where its steps are at different points. */
const WORST = ['failed', 'unknown', 'waiting', 'running', 'done', 'skipped']

const worst = (counts: Record<string, number>): string => WORST.find((state) => counts[state]) ?? ''

/** How far each place of the definition has come. `undone` is of what undoes its steps. */
export function progressOf(steps: WorkflowStepShown[], places: Places): { done: Map<string, Progress>; undone: Map<string, Progress> } {
  const done = new Map<string, Progress>()
  const undone = new Map<string, Progress>()
  for (const step of steps) {
    const into = step.path.startsWith(UNDO) ? undone : done
    const place = placeOf(step.path, places)
    const known = into.get(place) ?? { state: '', counts: {}, paths: [] }
    known.counts[step.state] = (known.counts[step.state] ?? 0) + 1
    known.paths.push(step.path)
    into.set(place, known)
  }
  for (const each of [...done.values(), ...undone.values()]) each.state = worst(each.counts)
  return { done, undone }
}

/** The states in which something is still to come, the most pressing first. */
const OPEN = ['failed', 'unknown', 'waiting', 'running']

/**
 * Steps with those around others standing where the steps within do: of these only their beginning is written down. One
 * has ended when what comes behind it has begun, or the run is over.
 */
export function standing(steps: WorkflowStepShown[], places: Places, isOver: boolean): WorkflowStepShown[] {
  const known = new Set(steps.map((step) => step.path))
  const within = new Map<string, string>()
  for (const step of steps) {
    if (isAround(step.path, places) || !OPEN.includes(step.state) || step.path.startsWith(UNDO)) continue
    for (const around of outward(step.path)) {
      const before = within.get(around)
      if (before === undefined || OPEN.indexOf(step.state) < OPEN.indexOf(before)) within.set(around, step.state)
    }
  }
  const ends = (path: string): boolean => {
    const after = behind(path, places)
    if (after !== undefined) return isOver || known.has(after)
    const around = outward(path)[0]
    return isOver || (around !== undefined && !within.has(around) && ends(around))
  }
  return steps.map((step) => {
    if (step.state !== 'running' || step.path.startsWith(UNDO) || !isAround(step.path, places)) return step
    return { ...step, state: within.get(step.path) ?? (ends(step.path) ? 'done' : 'running') }
  })
}

export const isAround = (path: string, places: Places): boolean => {
  const step = places.get(placeOf(path, places))?.step
  return step !== undefined && Object.keys(step.ways).length > 0
}

/** The paths of the steps around one, the nearest first. */
function outward(path: string): string[] {
  const parts = path.split('/')
  const found: string[] = []
  for (let count = parts.length - 2; count > 0; count -= 2) found.push(parts.slice(0, count).join('/'))
  return found
}

/** The path of the step that comes behind one in its sequence. */
function behind(path: string, places: Places): string | undefined {
  const parts = path.split('/')
  const id = parts[parts.length - 1]
  const around = parts.slice(0, -2).join('/')
  const before = placeOf(path, places).slice(0, -id.length)
  const here = [...places].filter(([place]) => place.startsWith(before) && !place.slice(before.length).includes('/'))
  const next = here[here.findIndex(([, { step }]) => step.id === id) + 1]
  if (next === undefined) return undefined
  return around === '' ? next[1].step.id : `${around}/${parts[parts.length - 2]}/${next[1].step.id}`
}

/** Steps in the order of the definition, items and rounds by their number; what undoes behind them. */
export function inOrder(steps: WorkflowStepShown[], places: Places): WorkflowStepShown[] {
  const keyed = steps.map((step) => ({ step, key: keyOf(step.path, places) }))
  return keyed.sort((one, other) => compare(one.key, other.key)).map(({ step }) => step)
}

function keyOf(path: string, places: Places): number[] {
  const isUndo = path.startsWith(UNDO)
  const parts = (isUndo ? path.slice(UNDO.length) : path).split('/')
  const key = [isUndo ? 1 : 0]
  let place = ''
  parts.forEach((part, at) => {
    if (at % 2 === 0) {
      place = place === '' ? part : `${place}/${part}`
      key.push(places.get(place)?.order ?? 0)
      return
    }
    const ways = Object.keys(places.get(place)?.step.ways ?? {})
    const isEach = ways.includes('each')
    key.push(isEach ? Number(part) : ways.indexOf(part))
    place = `${place}/${isEach ? 'each' : part}`
  })
  return key
}

function compare(one: number[], other: number[]): number {
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) if (one[at] !== other[at]) return one[at] - other[at]
  return one.length - other.length
}

/** How many steps stand where. */
export function counted(steps: WorkflowStepShown[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { state } of steps) found[state] = (found[state] ?? 0) + 1
  return found
}
