import { Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import type { PolicyShown } from '../../api/schema'
import { short } from '../../format'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { useReleasesUntil, useVersions } from '../../parts/versions'
import { useSearchText } from '../../parts/useSearchText'

const CedarText = lazy(() => import('./CedarText'))

interface Props {
  file: PolicyShown
  release: string
  draft: string | undefined
  write: (text: string) => void
}

/** The texts a file had in earlier releases, each beside what it is now; an author can take parts of them over. */
export function History({ file, release, draft, write }: Props) {
  const { t } = useTranslation()
  const [chosen, choose] = useSearchText('was')
  const versions = useVersions((files) => files[file.path], useReleasesUntil(release))
  if (versions.length === 0) return <div className="section sub">{t('policies.neverChanged')}</div>
  const current = versions.find((version) => version.release.id === chosen) ?? versions[0]
  return (
    <>
      <div className="versions" role="listbox" aria-label={t('policies.history')}>
        {versions.map(({ release: each }) => (
          <button
            key={each.id}
            type="button"
            role="option"
            className="item"
            aria-selected={each.id === current.release.id}
            data-on={each.id === current.release.id}
            onClick={() => choose(each.id)}
          >
            <div className="row-gap">
              <Ltr mono>{short(each.id)}</Ltr>
              <bdi>{each.message || t('releases.unsaid')}</bdi>
              <span className="sub" style={{ marginInlineStart: 'auto' }}>
                <Ltr>{each.author}</Ltr> · <Moment at={each.created_at} />
              </span>
            </div>
          </button>
        ))}
      </div>
      <div className="section sub row-gap">
        {draft === undefined ? t('policies.compared') : t('policies.merging')}
        <Link to="/releases" search={{ id: current.release.id }} className="step-link" style={{ margin: 0 }}>
          {t('policies.openRelease')}
        </Link>
      </div>
      <Suspense fallback={null}>
        <CedarText
          key={current.release.id}
          text={draft ?? file.text}
          label={file.path}
          change={draft === undefined ? undefined : write}
          earlier={current.text}
          takeOver={t('policies.takeOver')}
        />
      </Suspense>
    </>
  )
}
