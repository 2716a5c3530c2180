import { Button } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { ActionWhole } from '../../api/schema'
import { duration, short, usd } from '../../format'
import { language } from '../../i18n'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Exactly } from '../../parts/Moment'
import { PolicyText } from '../../parts/PolicyText'
import { Verdict } from '../../parts/Verdict'
import { Clauses } from './Clauses'
import { Payload } from './Payload'
import type { Step } from './steps'

const SIGNS = { allow: IconCheck, hold: IconAlertTriangle, deny: IconBan }

/** Why a step was decided as it was, from what, and what came of it. */
export function StepPanel({ step }: { step: Step }) {
  if (step.approval !== undefined) return <Wait step={step} />
  return <Decided id={step.id} />
}

function Wait({ step }: { step: Step }) {
  const { t } = useTranslation()
  const approval = step.approval!
  return (
    <aside className="card panel" tabIndex={0} aria-label={t('run.detail')}>
      <div className="section">
        <b>{t('run.waitsFor', { who: step.name })}</b>
        <div className="sub">
          {t(`run.answer.${approval.state}`)} · <Ltr>{duration(step.span.to - step.span.from)}</Ltr>
        </div>
      </div>
      <div className="section">
        <Button component={Link} to={`/approvals?id=${approval.id}`} fullWidth size="sm" variant={step.isOpen ? 'filled' : 'default'}>
          {t('run.openApproval')}
        </Button>
      </div>
    </aside>
  )
}

function Decided({ id }: { id: string }) {
  const { t } = useTranslation()
  const action = useQuery({
    queryKey: ['action', id],
    queryFn: () => answer(api.GET('/api/v1/actions/{action}', { params: { path: { action: id }, query: { language: language() } } })),
  })
  return (
    <aside className="card panel" tabIndex={0} aria-label={t('run.detail')}>
      <Loaded query={action} lines={8}>
        {(found) => <Whole action={found} />}
      </Loaded>
    </aside>
  )
}

function Whole({ action }: { action: ActionWhole }) {
  const { t } = useTranslation()
  const verdicts = action.findings.filter((finding) => finding.verdict !== 'allow')
  const quiet = action.findings.filter((finding) => finding.verdict === 'allow')
  return (
    <>
      <div className="section" style={{ display: 'flex', alignItems: 'center', gap: 8, flexWrap: 'wrap' }}>
        <b>
          <Ltr mono>{action.target}</Ltr>
        </b>
        <span className={`chip${action.assurance === 'enforced' ? ' t-allow' : ''}`} title={t('run.assurance')}>
          {t(`run.assured.${action.assurance}`, action.assurance)}
        </span>
        <span style={{ marginInlineStart: 'auto' }}>
          <Verdict word={action.verdict} pill />
        </span>
      </div>
      <div className="section">
        <h3>{t(`run.why.${action.verdict}`)}</h3>
        {[...verdicts, ...quiet].map((finding) => {
          const Sign = SIGNS[finding.verdict as keyof typeof SIGNS] ?? IconCheck
          return (
            <div className="check" key={finding.code + JSON.stringify(finding.params)}>
              <Sign size={15} stroke={2.4} className={`t-${finding.verdict}`} aria-label={t(`frame.verdict.${finding.verdict}`)} />
              <span style={{ fontWeight: finding.verdict === 'allow' ? 450 : 600 }}>{t(`run.check.${finding.check}`, finding.check)}</span>
              <span className={finding.verdict === 'allow' ? 'found' : `t-${finding.verdict}`}>
                <bdi>{finding.words}</bdi>
              </span>
            </div>
          )
        })}
      </div>
      {action.policies.length > 0 && (
        <div className="section">
          <h3>{t('run.policies')}</h3>
          <PolicyText action={action.id} release={action.release} ids={action.policies} />
          <Clauses key={action.id} action={action.id} />
        </div>
      )}
      <Payload key={action.id} action={action} />
      <div className="section">
        <h3>{t('run.outcome')}</h3>
        <Pairs action={action} />
      </div>
    </>
  )
}

function Pairs({ action }: { action: ActionWhole }) {
  const { t } = useTranslation()
  const reserved = (action.reserved as { micros?: number }).micros ?? 0
  const spent = (action.outcome?.cost as { micros?: number } | null)?.micros
  return (
    <dl className="pairs">
      <dt>{t('run.decidedAt')}</dt>
      <dd>
        <Exactly at={action.at} />
      </dd>
      <dt>{t('run.cameTo')}</dt>
      <dd>{action.outcome ? t(`run.status.${action.outcome.status}`) : t(`run.state.${action.state}`)}</dd>
      {action.outcome?.error && (
        <>
          <dt>{t('run.error')}</dt>
          <dd>
            <bdi>{action.outcome.error}</bdi>
          </dd>
        </>
      )}
      <dt>{t('run.reserved')}</dt>
      <dd>
        <Ltr>{usd(reserved)}</Ltr>
      </dd>
      {spent !== undefined && (
        <>
          <dt>{t('run.spent')}</dt>
          <dd>
            <Ltr>{usd(spent)}</Ltr>
          </dd>
        </>
      )}
      <dt>{t('run.release')}</dt>
      <dd>
        <Ltr mono title={action.release}>
          {short(action.release)}
        </Ltr>
      </dd>
      <dt>{t('run.assurance')}</dt>
      <dd>{t(`run.assured.${action.assurance}`, action.assurance)}</dd>
      <dt>{t('run.digest')}</dt>
      <dd>
        <Ltr mono title={action.arguments_digest}>
          {short(action.arguments_digest)}
        </Ltr>
      </dd>
      <dt>{t('run.id')}</dt>
      <dd>
        <Ltr mono>{action.id}</Ltr>
      </dd>
    </dl>
  )
}
