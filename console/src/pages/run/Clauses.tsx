import { Button } from '@mantine/core'
import { IconCheck, IconEye, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useMay } from '../../api/session'
import { language } from '../../i18n'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'

/** Clause by clause with the values they read; it shows arguments, so who asks is put on record. */
export function Clauses({ action }: { action: string }) {
  const { t } = useTranslation()
  const may = useMay('auditor', 'admin')
  const [isOpen, open] = useState(false)
  if (!may) return null
  if (isOpen) return <Opened action={action} />
  return (
    <Button size="compact-sm" variant="default" leftSection={<IconEye size={14} />} style={{ marginTop: 10 }} onClick={() => open(true)}>
      {t('run.clauses')}
    </Button>
  )
}

function Opened({ action }: { action: string }) {
  const reasons = useQuery({
    queryKey: ['reasons', action],
    staleTime: Infinity, // each reading is put on record
    queryFn: () =>
      answer(api.GET('/api/v1/policies/explain/{action}', { params: { path: { action }, query: { language: language() } } })),
  })
  return (
    <Loaded query={reasons}>
      {(found) => (
        <div className="clauses">
          {found.policies.map((policy) => (
            <div key={policy.policy}>
              <Ltr mono>{policy.policy}</Ltr>
              {policy.clauses.length === 0 && (
                <div className="sub">
                  <bdi>{policy.words}</bdi>
                </div>
              )}
              {policy.clauses.map((clause) => (
                <div key={`${clause.line} ${clause.text}`} className="clause">
                  {clause.holds ? <IconCheck size={14} className="t-allow" aria-hidden /> : <IconX size={14} className="t-deny" aria-hidden />}
                  <bdi>{clause.words}</bdi>
                </div>
              ))}
            </div>
          ))}
        </div>
      )}
    </Loaded>
  )
}
