import type { DefinedStep } from '../../../api/schema'

/** A step, or a way within one, with its place on the plane. */
export interface Box {
  id: string
  kind: 'leaf' | 'around' | 'way'
  step?: DefinedStep
  /** Of a way: its name, and the condition under which a branch takes it. */
  way?: string
  condition?: string
  x: number
  y: number
  width: number
  height: number
}

export interface Line {
  from: string
  to: string
}

interface Size {
  width: number
  height: number
}

export const LEAF: Size = { width: 224, height: 62 }
const BELOW = 34
const BESIDE = 14
const PAD = 14
const HEAD = 62
const WAY = 26

/** Place steps one under the other, and the ways within a step side by side, in the direction one reads. */
export function laidOut(steps: DefinedStep[], isRtl: boolean): { boxes: Box[]; lines: Line[] } {
  const boxes: Box[] = []
  const lines: Line[] = []
  sequence(steps, '', 0, 0, sizeOf(steps).width)
  return { boxes, lines }

  function sequence(inner: DefinedStep[], before: string, x: number, y: number, width: number): void {
    let top = y
    inner.forEach((step, at) => {
      const size = sizeOfStep(step)
      const id = before + step.id
      const left = x + (width - size.width) / 2
      boxes.push({ id, kind: isLeaf(step) ? 'leaf' : 'around', step, x: left, y: top, ...size })
      if (!isLeaf(step)) within(step, id, left, top)
      if (at > 0) lines.push({ from: before + inner[at - 1].id, to: id })
      top += size.height + BELOW
    })
  }

  function within(step: DefinedStep, id: string, x: number, y: number): void {
    const ways = Object.entries(step.ways)
    let left = x + PAD
    for (const [way, inner] of isRtl ? ways.reverse() : ways) {
      const own = sizeOf(inner)
      const top = y + HEAD
      if (isNamed(step)) {
        const box = { id: `${id}/${way}`, kind: 'way' as const, way, condition: step.conditions[way] }
        boxes.push({ ...box, x: left, y: top, width: own.width, height: WAY })
      }
      sequence(inner, `${id}/${way}/`, left, top + (isNamed(step) ? WAY + 6 : 0), own.width)
      left += own.width + BESIDE
    }
  }
}

export const isLeaf = (step: DefinedStep): boolean => Object.keys(step.ways).length === 0

/** Whether the ways within have names of their own: not the one way of a map or a loop. */
const isNamed = (step: DefinedStep): boolean => !('each' in step.ways)

function sizeOf(steps: DefinedStep[]): Size {
  const sizes = steps.map(sizeOfStep)
  return {
    width: Math.max(LEAF.width, ...sizes.map((size) => size.width)),
    height: sizes.reduce((sum, size) => sum + size.height + BELOW, -BELOW),
  }
}

function sizeOfStep(step: DefinedStep): Size {
  if (isLeaf(step)) return LEAF
  const ways = Object.values(step.ways).map(sizeOf)
  const width = ways.reduce((sum, size) => sum + size.width + BESIDE, -BESIDE)
  const height = Math.max(0, ...ways.map((size) => size.height))
  return { width: width + 2 * PAD, height: HEAD + (isNamed(step) ? WAY + 6 : 0) + height + PAD }
}
