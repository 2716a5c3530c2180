import type { ActionShown, ApprovalShown } from '../../api/schema'
import type { Span } from './axis'

/** One row of the decision path. */
export interface Step {
  id: string
  kind: 'tool' | 'model' | 'person'
  name: string
  depth: number
  /** `wait` for a person who has not answered, or the answer. */
  verdict: string
  span: Span
  isOpen: boolean
  micros: number
  outcome: string
  action?: ActionShown
  approval?: ApprovalShown
}

/** Put a run's actions and the answers it waited for in the order in which they began. */
export function stepsOf(actions: ActionShown[], approvals: ApprovalShown[], now: number): Step[] {
  const waits = new Map(approvals.map((approval) => [approval.action, approval]))
  return actions.flatMap((action) => {
    const wait = action.verdict === 'hold' ? waits.get(action.id) : undefined
    return wait ? [stepOf(action, now), waitOf(wait, now)] : [stepOf(action, now)]
  })
}

function stepOf(action: ActionShown, now: number): Step {
  const isOpen = action.state === 'admitted' && action.outcome === null
  const spent = action.outcome?.cost as { micros?: number } | null | undefined
  const reserved = action.reserved as { micros?: number }
  const admitted = action.verdict === 'allow'
  return {
    id: action.id,
    kind: action.kind === 'model' ? 'model' : 'tool',
    name: action.target,
    depth: 1,
    verdict: action.verdict,
    span: { from: action.at, to: action.outcome?.at ?? (isOpen ? now : action.at) },
    isOpen,
    micros: admitted ? (spent?.micros ?? reserved.micros ?? 0) : 0,
    outcome: action.outcome?.status ?? '',
    action,
  }
}

function waitOf(approval: ApprovalShown, now: number): Step {
  const answers = approval.answers as { at?: number }[]
  const answered = answers[answers.length - 1]?.at
  const isOpen = approval.state === 'pending'
  const until = isOpen ? now : (answered ?? Math.min(now, approval.expires_at))
  return {
    id: approval.id,
    kind: 'person',
    name: approval.approvers.join(', '),
    depth: 2,
    verdict: approval.state,
    span: { from: approval.created_at, to: Math.max(until, approval.created_at) },
    isOpen,
    micros: 0,
    outcome: '',
    approval,
  }
}

/** What one reads first: whatever was not simply allowed and done, and what people answered. */
export const isKey = (step: Step): boolean =>
  step.verdict !== 'allow' || step.isOpen || (step.outcome !== '' && step.outcome !== 'ok')

export const matches = (step: Step, text: string): boolean =>
  text === '' || `${step.name} ${step.id} ${step.verdict}`.toLowerCase().includes(text.toLowerCase())
