import { IconAlertTriangle, IconArrowBackUp, IconClock, IconExternalLink, IconLock, IconUsers } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useNow } from '../../api/live'
import type { ApprovalDetailShown } from '../../api/schema'
import { amount, duration, number, short } from '../../format'
import { language } from '../../i18n'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Meter } from '../../parts/Meter'
import { Acts } from './Acts'
import { Answers } from './Answers'
import { Arguments } from './Arguments'
import { useAnsweredElsewhere } from './elsewhere'
import type { Edits } from './edits'
import { Questions } from './Questions'
import { Trail } from './Trail'

/** One approval: what it is about, made by us from the arguments; what it is bound to; and what can be done. */
export function Detail({ id }: { id: string }) {
  const { t } = useTranslation()
  const detail = useQuery({
    queryKey: ['approval', id],
    queryFn: () =>
      answer(api.GET('/api/v1/approvals/{approval}/detail', { params: { path: { approval: id }, query: { language: language() } } })),
  })
  const [edits, setEdits] = useState<Edits | null>(null)
  useAnsweredElsewhere(id)
  return (
    <section className="card approval" aria-label={t('approvals.detail')}>
      <Loaded query={detail} lines={10}>
        {(found) => (
          <>
            <div className="approval-scroll" tabIndex={0}>
              <Heading detail={found} />
              <div className="section approval-section">
                <h3>{t('approvals.arguments')}</h3>
                <Arguments detail={found} edits={edits} edit={(name, text) => setEdits({ ...edits, [name]: text })} />
                <div className="row-gap sub" style={{ marginTop: 9, fontSize: 12 }}>
                  <IconLock size={14} aria-hidden />
                  <span>
                    {t('approvals.bound')}{' '}
                    <Ltr mono title={found.digest}>
                      {short(found.digest)}
                    </Ltr>
                  </span>
                </div>
              </div>
              <div className="section approval-section approval-two">
                <div className="approval-column">
                  <WhyHeld detail={found} />
                  <Reach detail={found} />
                  <Similar detail={found} />
                  <Budgets detail={found} />
                </div>
                <div className="approval-column">
                  <Trail detail={found} />
                  <Answers id={found.id} />
                  <Questions id={found.id} />
                  <Claims detail={found} />
                </div>
              </div>
            </div>
            {found.state === 'pending' && <Acts detail={found} edits={edits} setEdits={setEdits} />}
          </>
        )}
      </Loaded>
    </section>
  )
}

function Heading({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  const now = useNow()
  const isPending = detail.state === 'pending'
  return (
    <div className="approval-head">
      <div className="row-gap sub">
        <Ltr>{detail.agent}</Ltr> · <Ltr mono>{detail.target}</Ltr>
        <Link to="/runs/$run" params={{ run: detail.run }} search={{ step: detail.action }} className="approval-run">
          {t('approvals.openRun')} <IconExternalLink size={14} aria-hidden />
        </Link>
      </div>
      <h2>
        <bdi>{detail.title[language()]}</bdi>
      </h2>
      <div className="row-gap" style={{ gap: 18, marginTop: 9 }}>
        {isPending ? (
          <span className="row-gap">
            <IconClock size={15} className="quiet" aria-hidden />
            {t('approvals.expiresIn')} <b>{<Ltr>{duration(Math.max(0, detail.expires_at - now))}</Ltr>}</b>
          </span>
        ) : (
          <b>{t(`run.answer.${detail.state}`)}</b>
        )}
        <span className="row-gap">
          <IconUsers size={15} className="quiet" aria-hidden />
          {isPending && detail.missing.length > 0 ? (
            t('approvals.missing', { groups: detail.missing.join(', ') })
          ) : (
            <Ltr>{detail.approvers.join(', ')}</Ltr>
          )}
        </span>
        <span className="sub">
          {t('runs.user')} <Ltr>{detail.on_behalf_of}</Ltr>
        </span>
      </div>
    </div>
  )
}

function WhyHeld({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  return (
    <div>
      <h3>{t('approvals.whyHeld')}</h3>
      {detail.findings
        .filter((finding) => finding.verdict === 'hold')
        .map((finding) => (
          <div key={finding.code} className="approval-why">
            <IconAlertTriangle size={14} color="var(--hold)" aria-hidden />
            <bdi>{finding.words}</bdi>
          </div>
        ))}
    </div>
  )
}

function Reach({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  if (detail.reversible === null) return null
  return (
    <div>
      <h3>{t('approvals.reach')}</h3>
      <div className="approval-why">
        <IconArrowBackUp size={15} className={detail.reversible ? 't-allow' : 't-deny'} aria-hidden />
        <span>
          {detail.effect && t(`approvals.effect.${detail.effect}`)}.{' '}
          {detail.reversible ? t('approvals.reversible') : t('approvals.irreversible')}
        </span>
      </div>
    </div>
  )
}

function Similar({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  const counts = Object.entries(detail.similar.counts as Record<string, number>).filter(([, count]) => count > 0)
  return (
    <div>
      <h3>{t('approvals.similar', { days: number(detail.similar.days) })}</h3>
      {counts.length === 0 ? (
        <span className="sub">{t('approvals.noneSimilar')}</span>
      ) : (
        <div className="row-gap sub">
          {counts.map(([state, count]) => (
            <span key={state} className="chip">
              {t(`run.answer.${state}`)} {number(count)}
            </span>
          ))}
        </div>
      )}
    </div>
  )
}

function Budgets({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  if (detail.budgets.length === 0) return null
  return (
    <div>
      <h3>{t('approvals.budgets')}</h3>
      {detail.budgets.map((budget) => (
        <div key={budget.name} style={{ marginBottom: 8 }}>
          <div className="row-gap">
            <Ltr>{budget.name}</Ltr>
            <span className="sub" style={{ marginInlineStart: 'auto' }}>
              <Ltr>
                {amount(budget.before, budget.unit)} → {budget.after === null ? '?' : amount(budget.after, budget.unit)} / {amount(budget.amount, budget.unit)}
              </Ltr>
            </span>
          </div>
          <Meter
            parts={[
              { share: budget.before / Math.max(1, budget.amount), colour: 'var(--bar-tool)' },
              { share: ((budget.after ?? budget.before) - budget.before) / Math.max(1, budget.amount), colour: 'var(--hold)' },
            ]}
          />
        </div>
      ))}
    </div>
  )
}

/** The agent's side, marked as what it is: nobody has checked it. */
function Claims({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  if (!detail.claims.task && !detail.claims.purpose) return null
  return (
    <div>
      <h3>{t('approvals.claims')}</h3>
      <blockquote className="approval-claim">
        <bdi>{detail.claims.task || detail.claims.purpose}</bdi>
      </blockquote>
    </div>
  )
}
