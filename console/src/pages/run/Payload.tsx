import { Button } from '@mantine/core'
import { IconEye, IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { ActionWhole, SaidShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { ArgumentList } from '../../parts/ArgumentValue'
import { Loaded } from '../../parts/Loaded'
import { pretty } from '../../parts/pretty'
import { answerIn, Proposed } from './Proposed'

/** What a step was given and gave back: sealed, until somebody who may asks for it; that they did is on record. */
export function Payload({ action }: { action: ActionWhole }) {
  const { t } = useTranslation()
  const may = useMay('auditor', 'admin')
  const [isOpen, open] = useState(false)
  return (
    <div className="section">
      <h3>{t('run.payload')}</h3>
      {isOpen ? (
        <Opened action={action} />
      ) : (
        <div className="sealed">
          <span className="row-gap sub">
            <IconLock size={14} aria-hidden />
            <span>{may ? t('run.isSealed') : t('run.notForYou')}</span>
          </span>
          {may && (
            <Button size="compact-sm" variant="default" leftSection={<IconEye size={14} />} onClick={() => open(true)}>
              {t('run.unmask')}
            </Button>
          )}
        </div>
      )}
      {action.kind === 'tool' && (
        <Link to="/policies" search={{ action: action.id }} className="step-link">
          {t('run.whatIf')}
        </Link>
      )}
    </div>
  )
}

function Opened({ action }: { action: ActionWhole }) {
  const id = action.id
  const said = useQuery({
    queryKey: ['payload', id],
    staleTime: Infinity, // each reading is put on record
    queryFn: () => answer(api.GET('/api/v1/actions/{action}/payload', { params: { path: { action: id } } })),
  })
  return (
    <Loaded query={said}>
      {(found) => {
        const answered = action.kind === 'model' ? answerIn(found.text) : undefined
        return (
          <>
            {answered && <Proposed said={answered} run={action.run} action={id} />}
            <Said said={found} />
          </>
        )
      }}
    </Loaded>
  )
}

/** Arguments with where they came from, the result and its labels. */
export function Said({ said }: { said: SaidShown }) {
  const { t } = useTranslation()
  if (said.withheld) return <div className="sub">{t(`approvals.withheld.${said.withheld}`)}</div>
  return (
    <div className="said">
      <ArgumentList found={said.arguments} />
      {said.text !== null && (
        <div>
          <div className="row-gap sub said-head">
            {t('run.result')}
            {said.labels.map((label) => (
              <span key={label} className="chip">
                {t(`run.label.${label}`, label)}
              </span>
            ))}
          </div>
          <pre className="code said-text" dir="ltr" tabIndex={0} aria-label={t('run.result')}>
            {pretty(said.text)}
          </pre>
        </div>
      )}
    </div>
  )
}
