import { IconArrowBackUp } from '@tabler/icons-react'

import type { WorkflowStepShown } from '../../api/schema'
import { duration, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'
import type { Axis } from '../run/axis'
import { KIND_ICONS } from '../workflows/graph/kinds'
import { UNDO } from '../workflows/progress'
import { StepState } from '../workflows/State'

const COLOURS: Record<string, string> = {
  failed: 'var(--deny)',
  unknown: 'var(--deny)',
  waiting: 'var(--hold)',
  skipped: 'var(--bar-run)',
}
const WAITS = ['wait', 'approval']
/** Behind this share of the axis a label stands before its bar instead. */
const LATE = 0.72

interface Props {
  step: WorkflowStepShown
  kind: string
  axis: Axis
  end: number
  isChosen: boolean
  choose: (path: string) => void
}

/** One step: what it is, where it stands, when and how long, and what it cost. */
export function StepRow({ step, kind, axis, end, isChosen, choose }: Props) {
  const isUndo = step.path.startsWith(UNDO)
  const path = isUndo ? step.path.slice(UNDO.length) : step.path
  const depth = (path.split('/').length - 1) / 2
  const Icon = isUndo ? IconArrowBackUp : (KIND_ICONS[kind] ?? KIND_ICONS.tool)
  return (
    <button type="button" className="path-row" role="option" aria-selected={isChosen} data-on={isChosen} title={path} onClick={() => choose(step.path)}>
      <span className="path-name" style={{ paddingInlineStart: Math.min(depth, 6) * 14 }}>
        <Icon size={16} stroke={1.8} aria-hidden className="quiet" />
        <span className="truncate">
          <Ltr mono>{nameOf(path)}</Ltr>
        </span>
      </span>
      <StepState state={step.state} />
      <Lane step={step} kind={kind} axis={axis} end={end} />
      <span className="end num">{step.spent_micros > 0 ? <Ltr>{usd(step.spent_micros)}</Ltr> : <span className="quiet">–</span>}</span>
    </button>
  )
}

/** A step's own id, with the number of its item or round. */
function nameOf(path: string): string {
  const parts = path.split('/')
  return parts.length < 3 ? path : parts.slice(-2).join(' / ')
}

function Lane({ step, kind, axis, end }: { step: WorkflowStepShown; kind: string; axis: Axis; end: number }) {
  if (step.began_at === null) return <span className="lane" />
  const isOpen = step.ended_at === null && step.state !== 'done'
  const until = step.ended_at ?? (isOpen ? end : step.began_at)
  const took = until - step.began_at
  const from = axis.at(step.began_at)
  const to = axis.at(Math.max(until, step.began_at))
  const colour = COLOURS[step.state] ?? (kind === 'model' || kind === 'agent' ? 'var(--bar-model)' : 'var(--bar-tool)')
  const beside = to < LATE ? { insetInlineStart: `${to * 100}%` } : { insetInlineEnd: `${(1 - from) * 100}%` }
  return (
    <span className="lane">
      {axis.folds.map((fold) => (
        <i key={fold.from} className="fold" style={{ insetInlineStart: `${fold.x0 * 100}%`, width: `${(fold.x1 - fold.x0) * 100}%` }} />
      ))}
      <i
        className="bar"
        data-shape={WAITS.includes(kind) || step.state === 'waiting' ? 'wait' : 'span'}
        data-open={isOpen}
        style={{ insetInlineStart: `${from * 100}%`, width: `${(to - from) * 100}%`, background: colour }}
      />
      {took > 0 && (
        <span className="bar-label" style={beside}>
          <Ltr>{duration(took)}</Ltr>
        </span>
      )}
    </span>
  )
}
