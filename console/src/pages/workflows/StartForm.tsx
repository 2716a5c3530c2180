import { Button, TextInput } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api, Refused } from '../../api/client'
import type { WorkflowShown } from '../../api/schema'
import { Said } from '../../parts/Said'
import { beginning, fieldsOf, type Filled, gathered, type Mistakes, refused } from './schema'
import { SchemaField } from './SchemaField'

/** Start a run with a form made from the schema of its inputs; what the server has against them stands at the field. */
export function StartForm({ workflow }: { workflow: WorkflowShown }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const client = useQueryClient()
  const fields = useMemo(() => fieldsOf(workflow.inputs), [workflow.inputs])
  const [filled, setFilled] = useState<Filled>(() => beginning(fields))
  const [mistakes, setMistakes] = useState<Mistakes>({})
  const [whom, setWhom] = useState('')
  const start = useMutation({
    mutationFn: (inputs: Record<string, unknown>) =>
      answer(
        api.POST('/api/v1/workflows/{workflow}/runs', {
          params: { path: { workflow: workflow.name } },
          body: { inputs, channel: 'production', on_behalf_of: whom.trim() },
        }),
      ),
    onSuccess: (run) => {
      void client.invalidateQueries({ queryKey: ['workflow-runs'] })
      void navigate({ to: '/workflow-runs/$run', params: { run: run.run } })
    },
    onError: (error) => {
      if (error instanceof Refused) setMistakes(refused(error.problem, fields))
    },
  })
  const send = (event: FormEvent) => {
    event.preventDefault()
    const found = gathered(fields, filled)
    setMistakes(found.mistakes)
    if (Object.keys(found.mistakes).length === 0) start.mutate(found.inputs)
  }
  const fill = (path: string, value: string) => {
    setFilled((before) => ({ ...before, [path]: value }))
    setMistakes(({ [path]: _, ...others }) => others)
  }
  const isPlaced = Object.keys(mistakes).some((path) => path !== '')
  return (
    <form className="start-form" onSubmit={send} noValidate aria-label={t('workflows.start')}>
      {fields.length === 0 && <div className="sub">{t('workflows.noInputs')}</div>}
      {fields.map((field) => (
        <SchemaField key={field.path} field={field} filled={filled} mistakes={mistakes} fill={fill} />
      ))}
      <TextInput
        label={t('workflows.whom')}
        description={t('workflows.whomTold')}
        placeholder="user:…"
        dir="ltr"
        value={whom}
        maxLength={256}
        onChange={(event) => setWhom(event.currentTarget.value)}
      />
      {start.error && !isPlaced && <Said error={start.error} />}
      {mistakes[''] && isPlaced && (
        <div className="t-deny" role="alert">
          <bdi>{mistakes['']}</bdi>
        </div>
      )}
      <Button type="submit" leftSection={<IconPlayerPlay size={15} aria-hidden />} loading={start.isPending}>
        {t('workflows.start')}
      </Button>
    </form>
  )
}
