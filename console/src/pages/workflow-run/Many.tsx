import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'

import type { WorkflowStepShown } from '../../api/schema'
import { number } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { StepState } from '../workflows/State'

const ROW = 34

/** The steps at one place of the definition: one for each item or round. Only those in sight are drawn. */
export function Many({ steps, choose }: { steps: WorkflowStepShown[]; choose: (path: string) => void }) {
  const { t } = useTranslation()
  const scroller = useRef<HTMLDivElement>(null)
  const shown = useVirtualizer({ count: steps.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 10 })
  return (
    <div className="section">
      <h3>{t('workflows.each', { count: steps.length, shown: number(steps.length) })}</h3>
      <div className="many" ref={scroller} tabIndex={0} role="group" aria-label={t('workflows.steps')}>
        <div style={{ height: shown.getTotalSize(), position: 'relative' }}>
          {shown.getVirtualItems().map((item) => (
            <div key={item.key} className="path-place" style={{ transform: `translateY(${item.start}px)`, height: ROW }}>
              <button type="button" className="many-one" onClick={() => choose(steps[item.index].path)}>
                <span className="truncate">
                  <Ltr mono>{steps[item.index].path}</Ltr>
                </span>
                <StepState state={steps[item.index].state} />
              </button>
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
