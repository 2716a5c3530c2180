import { Select, Switch, Textarea, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { Ltr } from '../../parts/Ltr'
import type { Field, Filled, Mistakes } from './schema'

interface Props {
  field: Field
  filled: Filled
  mistakes: Mistakes
  fill: (path: string, value: string) => void
}

const KNOWN = ['required', 'number', 'integer', 'json', 'list', 'object']

/** One thing a workflow is started with, as its schema describes it. */
export function SchemaField({ field, filled, mistakes, fill }: Props) {
  const { t } = useTranslation()
  const said = mistakes[field.path]
  const error = said === undefined ? undefined : KNOWN.includes(said) ? t(`workflows.mistake.${said}`) : <bdi>{t('workflows.unfit', { rule: said })}</bdi>
  const about = {
    label: <Ltr mono>{field.name}</Ltr>,
    description: field.says ? <bdi>{field.says}</bdi> : undefined,
    error,
  }
  const value = filled[field.path] ?? ''
  const boxed = { ...about, size: 'sm' as const, withAsterisk: field.isRequired, 'aria-required': field.isRequired, value }
  switch (field.kind) {
    case 'group':
      return (
        <fieldset>
          <legend>
            <Ltr mono>{field.name}</Ltr>
          </legend>
          {error && (
            <div className="t-deny" role="alert">
              {error}
            </div>
          )}
          {field.fields.map((inner) => (
            <SchemaField key={inner.path} field={inner} filled={filled} mistakes={mistakes} fill={fill} />
          ))}
        </fieldset>
      )
    case 'boolean':
      return <Switch {...about} checked={value === 'true'} onChange={(event) => fill(field.path, event.currentTarget.checked ? 'true' : '')} />
    case 'choice':
      return (
        <Select {...boxed} value={value || null} data={field.choices} clearable={!field.isRequired} onChange={(chosen) => fill(field.path, chosen ?? '')} />
      )
    case 'json':
      return (
        <Textarea {...boxed} dir="ltr" autosize minRows={2} maxRows={10} placeholder={hint(field)} onChange={(event) => fill(field.path, event.currentTarget.value)} />
      )
    default:
      return (
        <TextInput
          {...boxed}
          type={field.kind === 'date' ? 'date' : 'text'}
          inputMode={field.kind === 'number' ? 'decimal' : undefined}
          dir={field.kind === 'number' ? 'ltr' : 'auto'}
          placeholder={hint(field)}
          onChange={(event) => fill(field.path, event.currentTarget.value)}
        />
      )
  }
}

/** How what is asked for looks: names of formats and brackets, which read alike in every language. */
function hint(field: Field): string {
  if (field.kind === 'json') return field.schema.type === 'array' ? '[…]' : '{…}'
  return field.schema.format === 'date-time' ? '2026-01-31T09:00:00+04:00' : ''
}
