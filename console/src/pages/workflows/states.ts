import type { Icon } from '@tabler/icons-react'
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconCircleCheck,
  IconCircleDashed,
  IconClock,
  IconPlayerPlay,
  IconPlayerSkipForward,
  IconPlayerStop,
  IconQuestionMark,
} from '@tabler/icons-react'

export interface Look {
  Icon: Icon
  className: string
}

/** Where a run of a workflow can stand, in the order in which one filters. */
export const RUN_STATES = ['queued', 'running', 'waiting', 'compensating', 'succeeded', 'failed', 'cancelled'] as const

export const OVER = ['succeeded', 'failed', 'cancelled']

export const RUN_LOOKS: Record<string, Look> = {
  queued: { Icon: IconCircleDashed, className: 'sub' },
  running: { Icon: IconPlayerPlay, className: 't-run' },
  waiting: { Icon: IconClock, className: 't-hold' },
  compensating: { Icon: IconArrowBackUp, className: 't-hold' },
  succeeded: { Icon: IconCircleCheck, className: 't-allow' },
  failed: { Icon: IconAlertTriangle, className: 't-deny' },
  cancelled: { Icon: IconPlayerStop, className: 'sub' },
}

export const STEP_LOOKS: Record<string, Look> = {
  running: { Icon: IconPlayerPlay, className: 't-run' },
  waiting: { Icon: IconClock, className: 't-hold' },
  done: { Icon: IconCircleCheck, className: 't-allow' },
  skipped: { Icon: IconPlayerSkipForward, className: 'sub' },
  failed: { Icon: IconAlertTriangle, className: 't-deny' },
  unknown: { Icon: IconQuestionMark, className: 't-deny' },
}

/** What stands of a step that has not begun. */
export const NOT_BEGUN: Look = { Icon: IconCircleDashed, className: 'quiet' }
