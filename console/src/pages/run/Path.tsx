import { Switch, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { useSearchText } from '../../parts/useSearchText'
import { axisOf } from './axis'
import { PathHead, useRowHeight } from './PathHead'
import { Row } from './Row'
import { isKey, matches, type Step } from './steps'

interface Props {
  steps: Step[]
  isWhole: boolean
  start: number
  end: number
  chosen: string
  choose: (id: string) => void
}


/** What the run did, row by row, on one time axis. Only the rows in sight are drawn. */
export function Path({ steps, isWhole, start, end, chosen, choose }: Props) {
  const { t } = useTranslation()
  const [text, setText] = useSearchText('find')
  const [only, setOnly] = useSearchText('key')
  const isShort = useShort(steps, isWhole, only)
  const rows = useMemo(
    // What is looked for is looked for in all of them, and what is looked at never goes.
    () => steps.filter((step) => (!isShort || text !== '' || step.id === chosen || isKey(step)) && matches(step, text)),
    [steps, isShort, text, chosen],
  )
  const axis = useMemo(() => axisOf(steps.filter((step) => step.kind !== 'person').map((step) => step.span), start, end), [steps, start, end])
  const scroller = useRef<HTMLDivElement>(null)
  const height = useRowHeight()
  const shown = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 12 })
  useEffect(() => shown.measure(), [shown, height])
  const place = rows.findIndex((row) => row.id === chosen)
  const wanted = useRef<'center' | 'auto' | ''>('center')
  useEffect(() => {
    if (wanted.current === '' || place < 0) return
    shown.scrollToIndex(place, { align: wanted.current })
    wanted.current = '' // once for each key: else the reader decides what is looked at
  }, [place, shown])
  useKeys(rows, chosen, (step) => {
    wanted.current = 'auto'
    choose(step.id)
  })
  return (
    <div className="card path fill">
      <div className="path-tools">
        <TextInput
          size="xs"
          w={210}
          aria-label={t('run.find')}
          placeholder={t('run.find')}
          leftSection={<IconSearch size={14} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Switch size="xs" label={t('run.key')} checked={isShort} onChange={(event) => setOnly(event.currentTarget.checked ? '1' : '0')} />
        <span className="quiet num">{t('run.shown', { shown: number(rows.length), all: number(steps.length) })}</span>
        <span className="path-keys" aria-hidden>
          <span className="kbd">J</span>
          <span className="kbd">K</span>
        </span>
      </div>
      <PathHead axis={axis} stands={t('run.verdict')} />
      {rows.length === 0 && <Empty title={steps.length === 0 ? t('run.nothing') : t('run.noneFits')} />}
      <div className="path-rows" hidden={rows.length === 0} ref={scroller} role="listbox" aria-label={t('run.path')} tabIndex={0}>
        <div style={{ height: shown.getTotalSize(), position: 'relative' }}>
          {shown.getVirtualItems().map((item) => (
            <div key={rows[item.index].id} className="path-place" style={{ transform: `translateY(${item.start}px)`, height }}>
              <Row step={rows[item.index]} axis={axis} isChosen={rows[item.index].id === chosen} choose={choose} />
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

/** Whether only key steps are shown: as the address says, else where there are any. What comes later changes nothing. */
function useShort(steps: Step[], isWhole: boolean, said: string): boolean {
  const [begun, begin] = useState<boolean | null>(null)
  const found = isWhole && steps.length > 0 ? steps.some(isKey) : null
  useEffect(() => {
    if (begun === null && found !== null) begin(found)
  }, [begun, found])
  return said === '' ? (begun ?? false) : said === '1'
}

/** J and K, and the arrows, go down and up; Home and End to the first and the last. */
function useKeys(rows: Step[], chosen: string, go: (step: Step) => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.metaKey || event.ctrlKey) return
      const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key]
      if (by === undefined || rows.length === 0) return
      event.preventDefault()
      const place = Math.min(rows.length - 1, Math.max(0, rows.findIndex((row) => row.id === chosen) + by))
      go(rows[place])
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  })
}
