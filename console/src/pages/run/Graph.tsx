import '@xyflow/react/dist/base.css'
import './graph.css'

import { Background, Controls, type Edge, MarkerType, type Node, ReactFlow } from '@xyflow/react'
import { useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'

import { number } from '../../format'
import { language } from '../../i18n'
import type { Step } from './steps'

interface Target {
  name: string
  kind: Step['kind']
  calls: number
  verdict: 'allow' | 'hold' | 'deny'
  first: string
}

const WIDTH = 300
const HEIGHT = 74

/** What the agent called, each tool and model once: how often, and the worst that was decided. */
export default function Graph({ agent, steps, choose }: { agent: string; steps: Step[]; choose: (id: string) => void }) {
  const { t } = useTranslation()
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => drawn(agent, targetsOf(steps), (count) => t('run.times', { count, shown: number(count) })), [agent, steps, t])
  return (
    <div className="card fill graph" dir="ltr">
      <ReactFlow
        key={nodes.length /* fits the view anew when there is more to see */}
        nodes={nodes}
        edges={edges}
        colorMode={scheme}
        fitView
        fitViewOptions={{ padding: 0.15, maxZoom: 1.1 }}
        nodesConnectable={false}
        proOptions={{ hideAttribution: true }}
        onNodeClick={(_, node) => {
          if (typeof node.data.first === 'string') choose(node.data.first)
        }}
      >
        <Background gap={18} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  )
}

function targetsOf(steps: Step[]): Target[] {
  const found = new Map<string, Target>()
  const worse = { allow: 0, hold: 1, deny: 2 }
  for (const step of steps) {
    if (step.kind === 'person') continue
    const verdict = step.verdict as Target['verdict']
    const known = found.get(step.name)
    if (known === undefined) {
      found.set(step.name, { name: step.name, kind: step.kind, calls: 1, verdict, first: step.id })
      continue
    }
    known.calls += 1
    if (worse[verdict] > worse[known.verdict]) {
      known.verdict = verdict
      known.first = step.id
    }
  }
  return [...found.values()]
}

/** The agent on one side, what it called on the other; the reading direction decides which. */
function drawn(agent: string, targets: Target[], label: (count: number) => string): { nodes: Node[]; edges: Edge[] } {
  const side = language() === 'ar' ? -1 : 1
  const [source, target] = side === 1 ? (['right', 'left'] as const) : (['left', 'right'] as const)
  const begin: Node = {
    id: 'agent',
    position: { x: 0, y: ((targets.length - 1) * HEIGHT) / 2 },
    data: { label: agent },
    className: 'graph-agent',
    sourcePosition: source as never,
    targetPosition: target as never,
    type: 'input',
  }
  const others: Node[] = targets.map((each, place) => ({
    id: each.name,
    position: { x: side * WIDTH, y: place * HEIGHT },
    data: { label: each.name, first: each.first },
    className: `graph-node graph-${each.verdict} graph-${each.kind}`,
    sourcePosition: source as never,
    targetPosition: target as never,
    type: 'output',
  }))
  const edges: Edge[] = targets.map((each) => ({
    id: each.name,
    source: 'agent',
    target: each.name,
    label: label(each.calls),
    className: `graph-${each.verdict}`,
    markerEnd: { type: MarkerType.ArrowClosed },
  }))
  return { nodes: [begin, ...others], edges }
}
