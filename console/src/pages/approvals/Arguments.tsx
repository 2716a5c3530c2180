import { TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { ApprovalDetailShown, ArgumentShown } from '../../api/schema'
import { Ltr } from '../../parts/Ltr'
import { written, type Edits } from './edits'

interface Props {
  detail: ApprovalDetailShown
  edits: Edits | null
  edit: (name: string, text: string) => void
}

/** What would be done, argument by argument, and where each value came from; or, while it is edited, what instead. */
export function Arguments({ detail, edits, edit }: Props) {
  const { t } = useTranslation()
  if (detail.withheld) return <div className="note">{t(`approvals.withheld.${detail.withheld}`)}</div>
  return (
    <div className="fields">
      {detail.arguments.map((argument) => (
        <Field key={argument.name} argument={argument} edits={edits} edit={edit} />
      ))}
    </div>
  )
}

function Field({ argument, edits, edit }: { argument: ArgumentShown; edits: Edits | null; edit: Props['edit'] }) {
  const { t } = useTranslation()
  const changed = edits?.[argument.name]
  return (
    <div className="field" data-changed={changed !== undefined}>
      <div className="field-name">
        <Ltr mono>{argument.name}</Ltr>
        {argument.role && <span className="chip">{t(`approvals.role.${argument.role}`, argument.role)}</span>}
      </div>
      {edits !== null && !argument.masked ? (
        <TextInput
          size="xs"
          aria-label={argument.name}
          value={changed ?? written(argument)}
          onChange={(event) => edit(argument.name, event.currentTarget.value)}
        />
      ) : (
        <div className="field-value">
          {argument.masked ? <span className="t-mask">{t('approvals.masked')}</span> : <bdi>{argument.text}</bdi>}
        </div>
      )}
      {changed !== undefined && (
        <div className="field-origin">
          {t('approvals.was')} <s>{written(argument)}</s>
        </div>
      )}
      {edits === null && argument.origins.slice(0, 1).map((origin) => <Origin key={origin.path} origin={origin} />)}
    </div>
  )
}

function Origin({ origin }: { origin: ArgumentShown['origins'][number] }) {
  const { t } = useTranslation()
  return (
    <div className="field-origin">
      {t(`approvals.origin.${origin.kind}`, { tool: origin.target })}
      {origin.labels.map((label) => (
        <span key={label} className="chip">
          {label}
        </span>
      ))}
    </div>
  )
}
