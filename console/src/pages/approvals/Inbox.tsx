import { IconClock, IconUsers } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'

import { useNow } from '../../api/live'
import type { ApprovalShown } from '../../api/schema'
import { duration, number } from '../../format'
import { language } from '../../i18n'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'

const SOON = 15 * 60 * 1_000_000

interface Props {
  approvals: ApprovalShown[]
  chosen: string | undefined
  choose: (id: string) => void
}

/** The list, oldest deadline first; J and K go down and up. */
export function Inbox({ approvals, chosen, choose }: Props) {
  const { t } = useTranslation()
  const now = useNow()
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.metaKey || event.ctrlKey) return
      const by = { j: 1, k: -1 }[event.key]
      if (by === undefined || approvals.length === 0) return
      const place = approvals.findIndex((each) => each.id === chosen) + by
      choose(approvals[Math.min(approvals.length - 1, Math.max(0, place))].id)
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  })
  return (
    <div className="card inbox-list" role="listbox" aria-label={t('approvals.title')}>
      {approvals.map((each) => (
        <button
          key={each.id}
          type="button"
          className="item"
          role="option"
          aria-selected={each.id === chosen}
          data-on={each.id === chosen}
          onClick={() => choose(each.id)}
        >
          <div className="inbox-line sub">
            <Ltr>{each.agent}</Ltr>
            <span style={{ marginInlineStart: 'auto' }}>
              <Moment at={each.created_at} />
            </span>
          </div>
          <div className="inbox-title">
            <bdi>{each.title[language()]}</bdi>
          </div>
          {each.description && (
            <div className="inbox-told sub">
              <bdi>{each.description}</bdi>
            </div>
          )}
          <div className="inbox-line sub">
            <IconUsers size={14} aria-hidden />
            <span className="truncate">
              <Ltr>{(each.missing.length ? each.missing : each.approvers).join(', ')}</Ltr>
            </span>
            {each.votes.needed > 1 && (
              <span className="chip">
                {t('approvals.votes', { given: number(each.votes.given), needed: number(each.votes.needed) })}
              </span>
            )}
            <State approval={each} now={now} />
          </div>
        </button>
      ))}
    </div>
  )
}

function State({ approval, now }: { approval: ApprovalShown; now: number }) {
  const { t } = useTranslation()
  const left = approval.expires_at - now
  if (approval.state !== 'pending') return <span style={{ marginInlineStart: 'auto' }}>{t(`run.answer.${approval.state}`)}</span>
  return (
    <span className={left < SOON ? 't-deny' : undefined} style={{ marginInlineStart: 'auto', display: 'inline-flex', gap: 4, alignItems: 'center' }}>
      <IconClock size={14} aria-hidden />
      <Ltr>{duration(Math.max(0, left))}</Ltr>
    </span>
  )
}
