import { Select, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { useNow } from '../../api/live'
import type { WorkflowStepShown, WholeRunShown } from '../../api/schema'
import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { useSearchText } from '../../parts/useSearchText'
import { type Axis, axisOf } from '../run/axis'
import { PathHead, useRowHeight } from '../run/PathHead'
import { placeOf, type Places } from '../workflows/progress'
import { OVER, STEP_LOOKS } from '../workflows/states'
import { StepRow } from './StepRow'

interface Props {
  run: WholeRunShown
  steps: WorkflowStepShown[]
  places: Places
  chosen: string
  choose: (path: string) => void
}


/** Every step with its state on one time axis on which long waits are folded. Only the rows in sight are drawn. */
export function StepList({ run, steps, places, chosen, choose }: Props) {
  const { t } = useTranslation()
  const [text, setText] = useSearchText('find')
  const [state, setState] = useSearchText('at')
  const isOver = OVER.includes(run.state)
  const now = useNow(isOver ? 3_600_000 : 1_000)
  const rows = useMemo(
    () => steps.filter((step) => (state === '' || step.state === state) && step.path.toLowerCase().includes(text.toLowerCase())),
    [steps, state, text],
  )
  const end = run.ended_at ?? now
  const axis = useMemo(() => timeline(steps, places, run.created_at, end), [steps, places, run.created_at, end])
  const scroller = useRef<HTMLDivElement>(null)
  const height = useRowHeight()
  const shown = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 12 })
  useEffect(() => shown.measure(), [shown, height])
  const place = rows.findIndex((row) => row.path === chosen)
  const wanted = useRef<'center' | 'auto' | ''>('center')
  useEffect(() => {
    if (wanted.current === '' || place < 0) return
    shown.scrollToIndex(place, { align: wanted.current })
    wanted.current = '' // once for each key: else the reader decides what is looked at
  }, [place, shown])
  useKeys(rows, place, (path) => {
    wanted.current = 'auto'
    choose(path)
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
        <Select
          size="xs"
          w={150}
          aria-label={t('workflows.stands')}
          placeholder={t('workflows.everyState')}
          data={Object.keys(STEP_LOOKS).map((each) => ({ value: each, label: t(`workflows.step.${each}`) }))}
          value={state || null}
          onChange={(value) => setState(value ?? '')}
          clearable
        />
        <span className="quiet num">{t('run.shown', { shown: number(rows.length), all: number(steps.length) })}</span>
        <span className="path-keys" aria-hidden>
          <span className="kbd">J</span>
          <span className="kbd">K</span>
        </span>
      </div>
      <PathHead axis={axis} stands={t('workflows.stands')} />
      {rows.length === 0 && <Empty title={steps.length === 0 ? t('workflows.nothingYet') : t('run.noneFits')} />}
      <div className="path-rows" hidden={rows.length === 0} ref={scroller} role="listbox" aria-label={t('workflows.steps')} tabIndex={0}>
        <div style={{ height: shown.getTotalSize(), position: 'relative' }}>
          {shown.getVirtualItems().map((item) => {
            const step = rows[item.index]
            const kind = places.get(placeOf(step.path, places))?.step.kind ?? 'tool'
            return (
              <div key={step.path} className="path-place" style={{ transform: `translateY(${item.start}px)`, height }}>
                <StepRow step={step} kind={kind} axis={axis} end={end} isChosen={step.path === chosen} choose={choose} />
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** The axis over what was done: where nothing but waiting went on, it is folded. */
function timeline(steps: WorkflowStepShown[], places: Places, start: number, end: number): Axis {
  const busy = steps.filter((step) => step.began_at !== null && step.state !== 'waiting' && !isWait(step, places))
  return axisOf(
    busy.map((step) => ({ from: step.began_at ?? start, to: step.ended_at ?? end })),
    start,
    end,
  )
}

const WAITS = ['wait', 'approval', 'workflow', 'map', 'loop', 'branch', 'parallel']

function isWait(step: WorkflowStepShown, places: Places): boolean {
  return WAITS.includes(places.get(placeOf(step.path, places))?.step.kind ?? '')
}

/** J and K, and the arrows, go down and up; Home and End to the first and the last. */
function useKeys(rows: WorkflowStepShown[], place: number, go: (path: string) => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.metaKey || event.ctrlKey) return
      const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key]
      if (by === undefined || rows.length === 0) return
      event.preventDefault()
      go(rows[Math.min(rows.length - 1, Math.max(0, place + by))].path)
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  })
}
