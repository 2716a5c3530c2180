import '@xyflow/react/dist/base.css'
import '../../run/graph.css'
import './workflow-graph.css'

import { useComputedColorScheme } from '@mantine/core'
import { Background, Controls, type Edge, MarkerType, type Node, type NodeTypes, ReactFlow, type ReactFlowInstance } from '@xyflow/react'
import { useMemo } from 'react'

import type { DefinedStep } from '../../../api/schema'
import { language } from '../../../i18n'
import type { Progress } from '../progress'
import { type Box, laidOut } from './layout'
import { AroundNode, type Drawn, LeafNode, WayNode } from './nodes'

const TYPES: NodeTypes = { leaf: LeafNode, around: AroundNode, way: WayNode }
const NOTHING: Map<string, Progress> = new Map()

/** What is smaller than this can not be read. */
const LEGIBLE = 0.7

/** Show all of it where that can be read; else the step that is looked at, or the first one. */
async function begin(flow: ReactFlowInstance<Node<Drawn>>, boxes: Box[], chosen: string): Promise<void> {
  await flow.fitView({ padding: 0.08, maxZoom: 1, minZoom: LEGIBLE })
  const box = boxes.find((each) => each.id === chosen) ?? boxes[0]
  const isWhole = flow.getViewport().zoom > LEGIBLE
  if (box && !isWhole) await flow.setCenter(box.x + box.width / 2, box.y + Math.min(box.height / 2, 100), { zoom: LEGIBLE })
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
    <div className="card fill graph workflow-graph" dir="ltr">
      <ReactFlow
        key={boxes.length /* a definition that has come begins anew */}
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode={scheme}
        onInit={(flow) => begin(flow, boxes, chosen)}
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
