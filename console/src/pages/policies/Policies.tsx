import './policies.css'

import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import type { PolicyShown } from '../../api/schema'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { CedarText } from './CedarText'
import { WhatIf } from './WhatIf'

/** The policies in force, and what they would decide. */
export function Policies() {
  const { t } = useTranslation()
  const policies = useQuery({ queryKey: ['policies', ''], queryFn: () => answerOr({ release: '', decided_by: 'compiled', why: '', policies: [] }, api.GET('/api/v1/policies', {})) })
  return (
    <Page title={t('policies.title')}>
      <Loaded query={policies}>
        {({ policies: files }) =>
          files.length === 0 ? (
            <div className="card">
              <Empty title={t('policies.none')} command="remit apply DIR">
                {t('policies.grants')}
              </Empty>
            </div>
          ) : (
            <Split files={files} />
          )
        }
      </Loaded>
    </Page>
  )
}

function Split({ files }: { files: PolicyShown[] }) {
  const { t } = useTranslation()
  const [path, choose] = useSearchText('file')
  const current = files.find((file) => file.path === path) ?? files[0]
  return (
    <div className="policies fill">
      <div className="card policies-list" role="listbox" aria-label={t('policies.title')}>
        {files.map((file) => (
          <button
            key={file.path}
            type="button"
            role="option"
            className="item"
            aria-selected={file.path === current.path}
            data-on={file.path === current.path}
            onClick={() => choose(file.path)}
          >
            <Ltr mono>{file.path}</Ltr>
            {file.statements.map((statement) => (
              <div key={statement.id} className="row-gap sub" style={{ marginTop: 5, fontSize: 12 }}>
                <span className={`chip ${statement.effect === 'forbid' ? 't-deny' : 't-allow'}`}>{t(`policies.${statement.effect}`)}</span>
                <Ltr>{statement.id}</Ltr>
              </div>
            ))}
          </button>
        ))}
      </div>
      <div className="card policies-text">
        <CedarText key={current.path} text={current.text} label={current.path} />
      </div>
      <WhatIf />
    </div>
  )
}
