import { Button } from '@mantine/core'
import { IconEye, IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { WholeRunShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { Loaded } from '../../parts/Loaded'
import { pretty } from '../../parts/pretty'

/** What a run was started with and came to. */
export function RunData({ run }: { run: WholeRunShown }) {
  const { t } = useTranslation()
  return (
    <section className="card" aria-label={t('workflows.data')}>
      <div className="card-head">
        <h2>{t('workflows.data')}</h2>
      </div>
      <SealedData key={`${run.run} ${run.state}`} run={run.run} path="" />
    </section>
  )
}

/** What a run or a step was given and gave back: sealed, until somebody who may asks for it; that they did is on record. */
export function SealedData({ run, path }: { run: string; path: string }) {
  const { t } = useTranslation()
  const may = useMay('auditor', 'admin')
  const [isOpen, open] = useState(false)
  return (
    <div className="section">
      {path !== '' && <h3>{t('workflows.stepData')}</h3>}
      {isOpen ? (
        <Opened run={run} path={path} />
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
    </div>
  )
}

function Opened({ run, path }: { run: string; path: string }) {
  const { t } = useTranslation()
  const data = useQuery({
    queryKey: ['workflow-payload', run, path],
    staleTime: Infinity, // each reading is put on record
    gcTime: 0,
    queryFn: () => answer(api.GET('/api/v1/workflow-runs/{run}/payload', { params: { path: { run }, query: { path } } })),
  })
  return (
    <Loaded query={data}>
      {(found) => (
        <div className="said">
          <Text title={t('workflows.given')} text={found.given} />
          <Text title={t('workflows.output')} text={found.output} />
        </div>
      )}
    </Loaded>
  )
}

function Text({ title, text }: { title: string; text: string | null }) {
  const { t } = useTranslation()
  return (
    <div>
      <div className="sub said-head">{title}</div>
      {text === null ? (
        <div className="quiet">{t('workflows.nothingKept')}</div>
      ) : (
        <pre className="code said-text" dir="ltr" tabIndex={0} aria-label={title}>
          {pretty(text)}
        </pre>
      )}
    </div>
  )
}
