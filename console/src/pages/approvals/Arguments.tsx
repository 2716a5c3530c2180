import { useTranslation } from 'react-i18next'

import type { ApprovalDetailShown, ArgumentShown } from '../../api/schema'
import { Ltr } from '../../parts/Ltr'

/** What would be done, argument by argument, and where each value came from. */
export function Arguments({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  if (detail.withheld) return <div className="note">{t(`approvals.withheld.${detail.withheld}`)}</div>
  return (
    <div className="fields">
      {detail.arguments.map((argument) => (
        <Field key={argument.name} argument={argument} />
      ))}
    </div>
  )
}

function Field({ argument }: { argument: ArgumentShown }) {
  const { t } = useTranslation()
  return (
    <div className="field">
      <div className="field-name">
        <Ltr mono>{argument.name}</Ltr>
        {argument.role && <span className="chip">{t(`approvals.role.${argument.role}`, argument.role)}</span>}
      </div>
      <div className="field-value">{argument.masked ? <span className="t-mask">{t('approvals.masked')}</span> : <bdi>{argument.text}</bdi>}</div>
      {argument.origins.slice(0, 1).map((origin) => (
        <div key={origin.path} className="field-origin">
          {t(`approvals.origin.${origin.kind}`, { tool: origin.target })}
          {origin.labels.map((label) => (
            <span key={label} className="chip">
              {label}
            </span>
          ))}
        </div>
      ))}
    </div>
  )
}
