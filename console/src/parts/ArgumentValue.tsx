import { useTranslation } from 'react-i18next'

import type { ArgumentShown } from '../api/schema'
import { Ltr } from './Ltr'

/** An argument's name and the part it plays. */
export function ArgumentName({ argument }: { argument: ArgumentShown }) {
  const { t } = useTranslation()
  return (
    <div className="field-name">
      <Ltr mono>{argument.name}</Ltr>
      {argument.role && <span className="chip">{t(`approvals.role.${argument.role}`, argument.role)}</span>}
    </div>
  )
}

const LONG = 160

/** Whether a value is given the whole width, as a model's prompt is. */
export const isLong = (argument: ArgumentShown): boolean => argument.text.length > LONG

/** What an argument holds; of a secret one, that it is. */
export function ArgumentValue({ argument }: { argument: ArgumentShown }) {
  const { t } = useTranslation()
  return (
    <div className="field-value" tabIndex={isLong(argument) ? 0 : undefined}>
      {argument.masked ? <span className="t-mask">{t('approvals.masked')}</span> : <bdi>{argument.text}</bdi>}
    </div>
  )
}

/** Where an argument's value was first seen, and what is known of that place. */
export function ArgumentOrigin({ argument }: { argument: ArgumentShown }) {
  const { t } = useTranslation()
  return argument.origins.slice(0, 1).map((origin) => (
    <div key={origin.path} className="field-origin">
      {t(`approvals.origin.${origin.kind}`, { tool: origin.target })}
      {origin.labels.map((label) => (
        <span key={label} className="chip">
          {t(`run.label.${label}`, label)}
        </span>
      ))}
    </div>
  ))
}

/** Arguments as they were, each with where it came from. */
export function ArgumentList({ found }: { found: ArgumentShown[] }) {
  const { t } = useTranslation()
  if (found.length === 0) return <div className="sub">{t('run.noArguments')}</div>
  return (
    <div className="fields">
      {found.map((argument) => (
        <div key={argument.name} className="field" data-long={isLong(argument)}>
          <ArgumentName argument={argument} />
          <ArgumentValue argument={argument} />
          <ArgumentOrigin argument={argument} />
        </div>
      ))}
    </div>
  )
}
