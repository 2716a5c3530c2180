import { useTranslation } from 'react-i18next'

import type { ApprovalDetailShown } from '../../api/schema'
import { Ltr } from '../../parts/Ltr'

const DOTS: Record<string, string> = { denied: 'var(--deny)', held: 'var(--hold)' }

/** What the run did before it asked. */
export function Trail({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  return (
    <div>
      <h3>{t('approvals.path')}</h3>
      <ul className="trail">
        {detail.path_has_earlier && <li className="quiet">{t('approvals.earlier')}</li>}
        {detail.path.map((step) => (
          <li key={step.action} style={{ ['--dot' as never]: DOTS[step.state] }}>
            <Ltr mono>{step.target}</Ltr>
            <span className="sub" style={{ marginInlineStart: 'auto' }}>
              {step.outcome ? t(`run.status.${step.outcome}`, step.outcome) : t(`run.state.${step.state}`, step.state)}
            </span>
          </li>
        ))}
        <li style={{ ['--dot' as never]: 'var(--hold)' }}>
          <b>
            <Ltr mono>{detail.target}</Ltr>
          </b>
          <span className="t-hold" style={{ marginInlineStart: 'auto' }}>
            {t('frame.verdict.hold')}
          </span>
        </li>
      </ul>
    </div>
  )
}
