import './policies.css'

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import { useFresh } from '../../api/live'
import type { PolicyShown } from '../../api/schema'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { Draft } from './Draft'
import type { Drafts } from './plan'
import { usePlan } from './plan'
import { PolicyFile } from './PolicyFile'
import { WhatIf } from './WhatIf'

const NOTHING = { release: '', decided_by: 'compiled', why: '', policies: [] } as const

/** The policies in force, what they would decide, and how they are changed. */
export function Policies() {
  const { t } = useTranslation()
  useFresh(['policies'], ({ kind }) => kind === 'release_activated')
  const policies = useQuery({
    queryKey: ['policies', ''],
    queryFn: () => answerOr({ ...NOTHING, policies: [] }, api.GET('/api/v1/policies', {})),
  })
  return (
    <Page title={t('policies.title')}>
      <Loaded query={policies}>
        {({ policies: files, release }) =>
          files.length === 0 ? (
            <div className="card">
              <Empty title={t('policies.none')} command="remit apply DIR">
                {t('policies.grants')}
              </Empty>
            </div>
          ) : (
            <Split files={files} release={release} />
          )
        }
      </Loaded>
    </Page>
  )
}

function Split({ files, release }: { files: PolicyShown[]; release: string }) {
  const [path, choose] = useSearchText('file')
  const [drafts, setDrafts] = useState<Drafts>({})
  const plan = usePlan(release, drafts)
  const current = files.find((file) => file.path === path) ?? files[0]
  const mistakes = plan.mistakes.filter((each) => each.file === current.path)
  const isWritten = Object.keys(drafts).length > 0
  return (
    <div className="policies fill">
      <Files files={files} current={current.path} changed={Object.keys(drafts)} choose={choose} />
      <div className="policies-middle">
        <PolicyFile
          key={current.path}
          file={current}
          release={release}
          draft={drafts[current.path]}
          mistakes={mistakes}
          write={(text) => setDrafts({ ...drafts, [current.path]: text })}
        />
        {isWritten && <Draft drafts={drafts} plan={plan} clear={() => setDrafts({})} />}
      </div>
      <WhatIf />
    </div>
  )
}

interface FilesProps {
  files: PolicyShown[]
  current: string
  changed: string[]
  choose: (path: string) => void
}

function Files({ files, current, changed, choose }: FilesProps) {
  const { t } = useTranslation()
  return (
    <div className="card policies-list" role="listbox" aria-label={t('policies.title')}>
      {files.map((file) => (
        <button
          key={file.path}
          type="button"
          role="option"
          className="item"
          aria-selected={file.path === current}
          data-on={file.path === current}
          onClick={() => choose(file.path)}
        >
          <div className="row-gap">
            <Ltr mono>{file.path}</Ltr>
            {changed.includes(file.path) && <span className="chip t-hold">{t('policies.draft')}</span>}
          </div>
          {file.statements.map((statement) => (
            <div key={statement.id} className="row-gap sub" style={{ marginTop: 5, fontSize: 12 }}>
              <span className={`chip ${statement.effect === 'forbid' ? 't-deny' : 't-allow'}`}>{t(`policies.${statement.effect}`)}</span>
              <Ltr>{statement.id}</Ltr>
            </div>
          ))}
        </button>
      ))}
    </div>
  )
}
