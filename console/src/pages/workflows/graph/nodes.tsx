import { VisuallyHidden } from '@mantine/core'
import { IconArrowBackUp } from '@tabler/icons-react'
import { Handle, type Node, type NodeProps, Position, useReactFlow } from '@xyflow/react'
import type { FocusEvent } from 'react'
import { useTranslation } from 'react-i18next'

import { number } from '../../../format'
import { Ltr } from '../../../parts/Ltr'
import type { Progress } from '../progress'
import { NOT_BEGUN, STEP_LOOKS } from '../states'
import { KIND_ICONS } from './kinds'
import { type Box, LEAF } from './layout'

export interface Drawn extends Record<string, unknown> {
  box: Box
  progress?: Progress
  undone?: Progress
  isChosen: boolean
  choose: (place: string) => void
}

/** The middle of a step's head. */
const HALF = LEAF.height / 2

type Props = NodeProps<Node<Drawn>>

/** A step that acts itself. */
export function LeafNode({ data }: Props) {
  return (
    <div className="step-node" data-state={data.progress?.state ?? ''} data-on={data.isChosen} dir={document.dir}>
      <Ends />
      <Head data={data} />
    </div>
  )
}

/** A step around others: a branch, side by side, for each, again and again. */
export function AroundNode({ data }: Props) {
  return (
    <div className="step-node step-around" data-state={data.progress?.state ?? ''} data-on={data.isChosen} dir={document.dir}>
      <Ends />
      <Head data={data} />
    </div>
  )
}

/** The name of a way within a step; of a branch's, when it is taken. */
export function WayNode({ data: { box } }: Props) {
  const { t } = useTranslation()
  const isBranch = box.condition !== undefined
  const said = isBranch ? box.condition || t('workflows.otherwise') : box.way
  return (
    <div className="step-way" dir={document.dir} title={said}>
      <span className="truncate">{isBranch && !box.condition ? said : <Ltr mono>{said}</Ltr>}</span>
    </div>
  )
}

function Head({ data: { box, progress, undone, choose } }: { data: Drawn }) {
  const { t } = useTranslation()
  const step = box.step!
  const Kind = KIND_ICONS[step.kind] ?? KIND_ICONS.tool
  const { Icon, className } = STEP_LOOKS[progress?.state ?? ''] ?? NOT_BEGUN
  const flow = useReactFlow()
  const seen = (event: FocusEvent<HTMLElement>) => {
    if (!event.currentTarget.matches(':focus-visible')) return // what was clicked stays under the pointer
    const pane = event.currentTarget.closest('.react-flow')?.getBoundingClientRect()
    const own = event.currentTarget.getBoundingClientRect()
    const isSeen = pane && own.top >= pane.top && own.bottom <= pane.bottom && own.left >= pane.left && own.right <= pane.right
    if (!isSeen) void flow.setCenter(box.x + box.width / 2, box.y + HALF, { zoom: flow.getZoom() })
  }
  const state = progress ? t(`workflows.step.${progress.state}`, progress.state) : t('workflows.notBegun')
  return (
    <button type="button" className="step-head nodrag nopan" onClick={() => choose(box.id)} onFocus={seen}>
      <Kind size={17} stroke={1.8} aria-hidden className="step-kind" />
      <span className="step-words">
        <span className="truncate">
          <Ltr mono>{step.id}</Ltr>
        </span>
        <span className="step-of truncate">
          {step.of ? <Ltr>{step.of}</Ltr> : t(`workflows.kind.${step.kind}`)}
        </span>
      </span>
      <span className="step-signs">
        <span className={`verdict ${className}`}>
          <Icon size={15} stroke={2} aria-hidden />
          <VisuallyHidden>{state}</VisuallyHidden>
        </span>
        {progress !== undefined && progress.paths.length > 1 && <Counts counts={progress.counts} />}
        {step.compensate !== '' && (
          <span className={undone ? STEP_LOOKS[undone.state]?.className : 'quiet'} title={t('workflows.undoneBy', { tool: step.compensate })}>
            <IconArrowBackUp size={14} aria-hidden />
          </span>
        )}
      </span>
    </button>
  )
}

/** How many items or rounds stand where. */
function Counts({ counts }: { counts: Record<string, number> }) {
  return (
    <span className="step-counts num" dir="ltr">
      {Object.entries(STEP_LOOKS)
        .filter(([state]) => counts[state])
        .map(([state, { className }]) => (
          <span key={state} className={className}>
            {number(counts[state])}
          </span>
        ))}
    </span>
  )
}

function Ends() {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  )
}
