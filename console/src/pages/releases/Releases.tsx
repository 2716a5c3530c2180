import { Button, Tabs } from '@mantine/core'
import { IconHistory, IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
import type { ReleaseShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { short } from '../../format'
import { language } from '../../i18n'
import { useAct } from '../../parts/act'
import { Changes } from '../../parts/Changes'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import './releases.css'

const Differences = lazy(() => import('./Differences'))
const CHANGES = ['releases', 'agents', 'tools', 'policies', 'budgets']

/** Every release, what it changed, and which one is in force. */
export function Releases() {
  const { t } = useTranslation()
  useFresh(['releases'], ({ kind }) => kind.startsWith('release'))
  const releases = useQuery({ queryKey: ['releases'], queryFn: () => answer(api.GET('/api/v1/releases', {})) })
  return (
    <Page title={t('releases.title')}>
      <Loaded query={releases}>
        {({ releases: found }) =>
          found.length === 0 ? (
            <div className="card">
              <Empty title={t('releases.none')} command="remit apply DIR" />
            </div>
          ) : (
            <Split releases={found} />
          )
        }
      </Loaded>
    </Page>
  )
}

function Split({ releases }: { releases: ReleaseShown[] }) {
  const { t } = useTranslation()
  const [id, choose] = useSearchText('id')
  const place = Math.max(0, releases.findIndex((release) => release.id === id))
  return (
    <div className="releases fill">
      <div className="card releases-list" role="listbox" aria-label={t('releases.title')}>
        {releases.map((release, at) => (
          <button
            key={release.id}
            type="button"
            role="option"
            className="item"
            aria-selected={at === place}
            data-on={at === place}
            onClick={() => choose(release.id)}
          >
            <div className="row-gap">
              <Ltr mono>{short(release.id)}</Ltr>
              {release.active_on.map((channel) => (
                <span key={channel} className="chip t-allow">
                  {channel}
                </span>
              ))}
              {release.withdrawn_at !== null && <span className="chip t-deny">{t('releases.withdrawn')}</span>}
              {release.proposed.length > 0 && <span className="chip t-hold">{t('releases.proposed')}</span>}
            </div>
            <div style={{ fontWeight: 550, margin: '4px 0' }}>
              <bdi>{release.message || t('releases.unsaid')}</bdi>
            </div>
            <div className="sub" style={{ fontSize: 12 }}>
              <Ltr>{release.author}</Ltr> · <Moment at={release.created_at} />
            </div>
          </button>
        ))}
      </div>
      <One release={releases[place]} before={releases[place + 1]} />
    </div>
  )
}

function One({ release, before }: { release: ReleaseShown; before: ReleaseShown | undefined }) {
  const { t } = useTranslation()
  const may = useMay('author', 'operator')
  const [tab, setTab] = useSearchText('tab')
  const isActive = release.active_on.includes('production')
  const given = { params: { path: { release: release.id } }, body: { channel: 'production', message: '' } }
  const activating = useAct(() => answer(api.POST('/api/v1/releases/{release}/activate', given)), {
    said: (made) => (made.active_on.includes('production') ? t('releases.activated') : t('releases.isProposed')),
    changes: CHANGES,
  })
  const rolling = useAct(() => answer(api.POST('/api/v1/releases/rollback', { body: { channel: 'production' } })), {
    said: () => t('releases.rolledBack'),
    changes: CHANGES,
  })
  return (
    <section className="card releases-one" tabIndex={0} aria-label={release.id}>
      <div className="card-head">
        <h2>
          <Ltr mono>{short(release.id)}</Ltr>
        </h2>
        {release.proposed.map((proposal) => (
          <span key={proposal.channel} className="sub">
            {t('releases.proposedBy', { who: proposal.by, channel: proposal.channel })}
          </span>
        ))}
        {may && release.withdrawn_at === null && (
          <span style={{ marginInlineStart: 'auto', display: 'flex', gap: 8 }}>
            {isActive ? (
              <Button size="xs" variant="default" leftSection={<IconHistory size={15} />} loading={rolling.isPending} onClick={() => rolling.mutate(undefined)}>
                {t('releases.rollBack')}
              </Button>
            ) : (
              <Button size="xs" leftSection={<IconRocket size={15} />} loading={activating.isPending} onClick={() => activating.mutate(undefined)}>
                {t('releases.activate')}
              </Button>
            )}
          </span>
        )}
      </div>
      <Tabs value={tab || 'words'} onChange={(value) => setTab(value === 'words' ? '' : (value ?? ''))} className="releases-tabs">
        <Tabs.List px={12}>
          <Tabs.Tab value="words">{t('releases.inWords')}</Tabs.Tab>
          <Tabs.Tab value="text">{before ? t('releases.changes') : t('releases.files')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="words">
          {tab !== 'text' && <Words release={release.id} />}
        </Tabs.Panel>
        <Tabs.Panel value="text">
          {tab === 'text' && (
            <Suspense fallback={null}>
              <Differences key={release.id} release={release.id} before={before?.id} />
            </Suspense>
          )}
        </Tabs.Panel>
      </Tabs>
    </section>
  )
}

function Words({ release }: { release: string }) {
  const changes = useQuery({
    queryKey: ['changes', release, language()],
    staleTime: Infinity, // a release never changes
    queryFn: () => answer(
        api.GET('/api/v1/releases/{release}/changes', { params: { path: { release }, query: { language: language() } } }),
      ),
  })
  return <Loaded query={changes}>{(found) => <Changes changes={found.changes} />}</Loaded>
}
