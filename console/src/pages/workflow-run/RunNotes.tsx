import { IconAlertTriangle, IconArrowBackUp, IconHandStop, IconRepeat, IconSitemap } from '@tabler/icons-react'
import type { Icon } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import type { WholeRunShown } from '../../api/schema'
import { number } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { UNDO } from '../workflows/progress'

/** What stands above everything else about a run: why it failed, what nobody knows, what was undone, what belongs to it. */
export function RunNotes({ run }: { run: WholeRunShown }) {
  const { t } = useTranslation()
  const unknown = run.steps.filter((step) => step.state === 'unknown').length
  const notUndone = run.steps.filter((step) => step.path.startsWith(UNDO) && step.state === 'failed')
  const moved = /^moved to (run_\w+)$/.exec(run.error)?.[1] ?? ''
  const isMoving = run.cancel?.startsWith('move:') ?? false // then nothing is undone
  return (
    <>
      {run.error && !moved && (
        <Note Sign={IconAlertTriangle} isBad>
          <bdi>{run.error}</bdi>
        </Note>
      )}
      {unknown > 0 && (
        <Note Sign={IconAlertTriangle} isBad>
          {t('workflows.unknownTold', { count: unknown, shown: number(unknown) })}
        </Note>
      )}
      {notUndone.length > 0 && (
        <Note Sign={IconArrowBackUp} isBad>
          {t('workflows.notUndone')} <Ltr mono>{notUndone.map((step) => step.path.slice(UNDO.length)).join(', ')}</Ltr>
        </Note>
      )}
      {run.cancel && run.cancel !== 'given_up' && !isMoving && run.ended_at === null && <Note Sign={IconHandStop}>{t('workflows.isCancelled')}</Note>}
      {moved && (
        <Note Sign={IconRepeat}>
          {t('workflows.movedTo')} <To run={moved} />
        </Note>
      )}
      {run.shares && (
        <Note Sign={IconRepeat}>
          {t('workflows.shares')} <To run={run.shares} />
        </Note>
      )}
      {run.children.length > 0 && <Children runs={run.children} />}
    </>
  )
}

const FEW = 5

function Children({ runs }: { runs: string[] }) {
  const { t } = useTranslation()
  return (
    <Note Sign={IconSitemap}>
      <details>
        <summary>{t('workflows.children', { count: runs.length, shown: number(runs.length) })}</summary>
        <div className="child-runs">
          {runs.slice(0, FEW * 20).map((child) => (
            <To key={child} run={child} />
          ))}
        </div>
      </details>
    </Note>
  )
}

const To = ({ run }: { run: string }) => (
  <Link to="/workflow-runs/$run" params={{ run }} className="strong-link">
    <Ltr mono>{run}</Ltr>
  </Link>
)

function Note({ Sign, isBad = false, children }: { Sign: Icon; isBad?: boolean; children: ReactNode }) {
  return (
    <div className={`note${isBad ? ' bad' : ''}`}>
      <Sign size={17} color={isBad ? 'var(--deny)' : 'var(--ink-3)'} aria-hidden style={{ flex: 'none', marginTop: 1 }} />
      <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>{children}</div>
    </div>
  )
}
