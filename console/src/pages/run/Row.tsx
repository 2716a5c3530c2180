import { IconSparkles, IconTool, IconUser } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { duration, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { Verdict } from '../../parts/Verdict'
import type { Axis } from './axis'
import type { Step } from './steps'

const ICONS = { tool: IconTool, model: IconSparkles, person: IconUser }
const COLOURS = { tool: 'var(--bar-tool)', model: 'var(--bar-model)', person: 'var(--hold)' }
const INSTANT = 500
/** How wide the sign of a refusal is, so that one at the very end is seen whole. */
const SIGN = 16
/** Behind this share of the axis a label stands before its bar instead. */
const LATE = 0.72

interface Props {
  step: Step
  axis: Axis
  isChosen: boolean
  choose: (id: string) => void
}

/** One step: what it was, its verdict, when and how long, and what it cost. */
export function Row({ step, axis, isChosen, choose }: Props) {
  const { t } = useTranslation()
  const Icon = ICONS[step.kind]
  const isPerson = step.kind === 'person'
  return (
    <button type="button" className="path-row" role="option" aria-selected={isChosen} data-on={isChosen} onClick={() => choose(step.id)}>
      <span className="path-name" style={{ paddingInlineStart: (step.depth - 1) * 16 }}>
        <Icon size={16} stroke={1.8} aria-hidden className={step.verdict === 'deny' ? 't-deny' : step.verdict === 'hold' ? 't-hold' : 'quiet'} />
        <span className="truncate">{isPerson ? t('run.waitsFor', { who: step.name }) : <Ltr mono>{step.name}</Ltr>}</span>
      </span>
      {isPerson ? <span className="verdict sub">{t(`run.answer.${step.verdict}`)}</span> : <Verdict word={step.verdict} />}
      <Lane step={step} axis={axis} />
      <span className="end num">{step.micros > 0 ? <Ltr>{usd(step.micros)}</Ltr> : <span className="quiet">–</span>}</span>
    </button>
  )
}

function Lane({ step, axis }: { step: Step; axis: Axis }) {
  const from = axis.at(step.span.from)
  const to = axis.at(step.span.to)
  const took = step.span.to - step.span.from
  const isInstant = step.kind !== 'person' && took < INSTANT
  const refused = step.verdict === 'deny' || step.verdict === 'hold'
  const colour = step.verdict === 'deny' ? 'var(--deny)' : step.verdict === 'hold' ? 'var(--hold)' : COLOURS[step.kind]
  const label = isInstant && refused ? '' : duration(took)
  const beside = to < LATE ? { insetInlineStart: `calc(${to * 100}% + ${isInstant ? 8 : 0}px)` } : { insetInlineEnd: `${(1 - from) * 100}%` }
  return (
    <span className="lane">
      {axis.folds.map((fold) => (
        <i key={fold.from} className="fold" style={{ insetInlineStart: `${fold.x0 * 100}%`, width: `${(fold.x1 - fold.x0) * 100}%` }} />
      ))}
      <i
        className="bar"
        data-shape={step.kind === 'person' ? 'wait' : isInstant && refused ? 'refused' : 'span'}
        data-open={step.isOpen}
        style={{ insetInlineStart: isInstant && refused ? `calc(${from * 100}% - ${from * SIGN}px)` : `${from * 100}%`, width: `${(to - from) * 100}%`, background: colour }}
      />
      {label && (
        <span className="bar-label" style={beside}>
          <Ltr>{label}</Ltr>
        </span>
      )}
    </span>
  )
}
