import { useMediaQuery } from '@mantine/hooks'
import { useTranslation } from 'react-i18next'

import { duration } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { type Axis, spaced } from './axis'

const NARROW = '(max-width: 640px)'
const ROW = 36
/** Of a row in two lines, where the window is narrow: run.css. */
const TALL_ROW = 58

/** How high a row is drawn. */
export const useRowHeight = (): number => (useNarrow() ? TALL_ROW : ROW)

const useNarrow = (): boolean => useMediaQuery(NARROW, false, { getInitialValueInEffect: false })

/** What stands over the rows: their columns and the time axis. */
export function PathHead({ axis, stands }: { axis: Axis; stands: string }) {
  const { t } = useTranslation()
  const isNarrow = useNarrow()
  return (
    <div className="path-head">
      <span className="path-words">{t('run.step')}</span>
      <span className="path-words">{stands}</span>
      <span className="lane">
        {spaced(axis.ticks, isNarrow ? 0.22 : 0.08).map((tick) => (
          <span key={tick.time} className="tick" data-first={tick.x === 0} style={{ insetInlineStart: `${tick.x * 100}%` }}>
            <Ltr>{tick.time === 0 ? '0' : duration(tick.time)}</Ltr>
          </span>
        ))}
      </span>
      <span className="end">{t('run.cost')}</span>
    </div>
  )
}
