import { TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import type { ApprovalDetailShown, ArgumentShown } from '../../api/schema'
import { ArgumentName, ArgumentOrigin, ArgumentValue, isLong } from '../../parts/ArgumentValue'
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
    <div className="field" data-changed={changed !== undefined} data-long={isLong(argument)}>
      <ArgumentName argument={argument} />
      {edits !== null && !argument.masked ? (
        <TextInput
          size="xs"
          aria-label={argument.name}
          value={changed ?? written(argument)}
          onChange={(event) => edit(argument.name, event.currentTarget.value)}
        />
      ) : (
        <ArgumentValue argument={argument} />
      )}
      {changed !== undefined && (
        <div className="field-origin">
          {t('approvals.was')} <s>{written(argument)}</s>
        </div>
      )}
      {edits === null && <ArgumentOrigin argument={argument} />}
    </div>
  )
}
