import { IconSitemap } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { RunShown } from '../../api/schema'
import { duration, number, usd } from '../../format'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Verdict } from '../../parts/Verdict'
import { RunState } from './RunState'
import { isKey, stepsOf } from './steps'

const SHOWN = 100
const FEW = 8

/** The runs that this one has begun, each folded; opened it shows its own key steps. */
export function Children({ run }: { run: RunShown }) {
  const { t } = useTranslation()
  const runs = useInfiniteQuery({
    queryKey: ['runs', 'children', run.id],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/v1/runs', { params: { query: { parent: run.id, limit: SHOWN, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
  })
  const found = (runs.data?.pages ?? []).flatMap((page) => page.runs)
  if (found.length === 0) return null
  return (
    <section className="card" aria-label={t('run.children', { count: found.length, shown: number(found.length) })}>
      <div className="card-head">
        <IconSitemap size={16} className="quiet" aria-hidden />
        <h2>{t('run.children', { count: found.length, shown: number(found.length) })}</h2>
        {runs.hasNextPage && (
          <button type="button" className="plain" onClick={() => void runs.fetchNextPage()}>
            {t('run.more')}
          </button>
        )}
      </div>
      <div className="children-runs">
        {found.map((child) => (
          <Child key={child.id} run={child} />
        ))}
      </div>
    </section>
  )
}

function Child({ run }: { run: RunShown }) {
  const [isOpen, open] = useState(false)
  return (
    <details className="child-run" onToggle={(event) => open(event.currentTarget.open)}>
      <summary>
        <Ltr>{run.agent}</Ltr> <RunState state={run.state} />
        <span className="quiet">
          <Moment at={run.started_at} />
        </span>
      </summary>
      {isOpen && <Steps run={run} />}
    </details>
  )
}

function Steps({ run }: { run: RunShown }) {
  const { t } = useTranslation()
  const actions = useQuery({
    queryKey: ['runs', 'children', run.id, 'actions'],
    queryFn: () => answer(api.GET('/api/v1/runs/{run}/actions', { params: { path: { run: run.id }, query: { limit: SHOWN } } })),
  })
  return (
    <Loaded query={actions} lines={2}>
      {(page) => {
        const steps = stepsOf(page.actions, [], page.actions[page.actions.length - 1]?.at ?? run.started_at)
        const key = steps.filter(isKey)
        const shown = (key.length > 0 ? key : steps).slice(0, FEW)
        return (
          <div className="child-steps">
            {shown.map((step) => (
              <div key={step.id} className="row-gap">
                <Link to="/runs/$run" params={{ run: run.id }} search={{ step: step.id }} className="plain">
                  <Ltr mono>{step.name}</Ltr>
                </Link>
                <Verdict word={step.verdict} />
                <span className="quiet">
                  <Ltr>{duration(step.span.to - step.span.from)}</Ltr>
                </span>
                {step.micros > 0 && <Ltr>{usd(step.micros)}</Ltr>}
              </div>
            ))}
            <Link to="/runs/$run" params={{ run: run.id }} className="step-link">
              {t('run.openChild')} <Ltr mono>{run.id}</Ltr>
            </Link>
          </div>
        )
      }}
    </Loaded>
  )
}
