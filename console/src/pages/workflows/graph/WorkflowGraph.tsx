import '@xyflow/react/dist/base.css'
import '../../run/graph.css'
import './workflow-graph.css'

import { useComputedColorScheme } from '@mantine/core'
import { Background, Controls, type Edge, MarkerType, type Node, type NodeTypes, ReactFlow, type ReactFlowInstance } from '@xyflow/react'
import { useMemo, useRef } from 'react'

import type { DefinedStep } from '../../../api/schema'
import { language } from '../../../i18n'
import type { Progress } from '../progress'
import { type Box, laidOut, LEAF } from './layout'
import { AroundNode, type Drawn, LeafNode, WayNode } from './nodes'

const TYPES: NodeTypes = { leaf: LeafNode, around: AroundNode, way: WayNode }
const NOTHING: Map<string, Progress> = new Map()

/** All of it is shown where it is drawn no smaller than this. */
const LEGIBLE = 0.7
/** Its whole width is, unless it would be smaller than this: then one moves it. */
const SMALLEST = 0.4
const MARGIN = 14

/** Show all of it where that can be read; else its whole width from the top, or as far down as the step that is looked at. */
async function begin(flow: ReactFlowInstance<Node<Drawn>>, boxes: Box[], chosen: string, pane: HTMLElement): Promise<void> {
  if (boxes.length === 0) return
  await flow.fitView({ padding: 0.08, maxZoom: 1, minZoom: LEGIBLE })
  if (flow.getViewport().zoom > LEGIBLE) return
  const width = Math.max(...boxes.map((box) => box.x + box.width))
  const fit = Math.min(1, (pane.clientWidth - 2 * MARGIN) / width)
  const zoom = fit < SMALLEST ? LEGIBLE : fit
  const box = boxes.find((each) => each.id === chosen) ?? boxes[0]
  const middle = fit < SMALLEST ? box.x + box.width / 2 : width / 2
  const down = pane.clientHeight / 2 - (box.y + Math.min(box.height, LEAF.height) / 2) * zoom
  await flow.setViewport({ x: pane.clientWidth / 2 - middle * zoom, y: Math.min(MARGIN, down), zoom })
}

interface Props {
  steps: DefinedStep[]
  /** How far each place has come; nothing for a definition alone. */
  done?: Map<string, Progress>
  undone?: Map<string, Progress>
  chosen: string
  choose: (place: string) => void
}

/** A workflow as it is defined, and, of a run, how far each of its steps has come. */
export default function WorkflowGraph({ steps, done = NOTHING, undone = NOTHING, chosen, choose }: Props) {
  const scheme = useComputedColorScheme('light')
  const pane = useRef<HTMLDivElement>(null)
  const { boxes, lines } = useMemo(() => laidOut(steps, language() === 'ar'), [steps])
  const nodes = useMemo<Node<Drawn>[]>(
    () =>
      boxes.map((box) => ({
        id: box.id,
        type: box.kind,
        position: { x: box.x, y: box.y },
        width: box.width,
        height: box.height,
        zIndex: box.id.split('/').length,
        data: { box, progress: done.get(box.id), undone: undone.get(box.id), isChosen: box.id === chosen, choose },
      })),
    [boxes, done, undone, chosen, choose],
  )
  const edges = useMemo<Edge[]>(
    () =>
      lines.map(({ from, to }) => ({
        id: `${from} ${to}`,
        source: from,
        target: to,
        zIndex: from.split('/').length,
        className: done.has(to) ? 'edge-taken' : undefined,
        markerEnd: { type: MarkerType.ArrowClosed },
      })),
    [lines, done],
  )
  return (
    <div className="card fill graph workflow-graph" dir="ltr" ref={pane}>
      <ReactFlow
        key={boxes.length /* a definition that has come begins anew */}
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode={scheme}
        onInit={(flow) => begin(flow, boxes, chosen, pane.current!)}
        minZoom={0.1}
        nodesConnectable={false}
        nodesDraggable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements={boxes.length > 200}
        proOptions={{ hideAttribution: true }}
      >
        <Background gap={18} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  )
}
