import { Switch } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useIsLive } from '../../api/live'
import type { PartShown, ServerShown, SettingShown } from '../../api/schema'
import { duration, number } from '../../format'
import { language } from '../../i18n'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'

/** How the server is, and what it was set to. */
export function Server() {
  const { t } = useTranslation()
  const server = useQuery({
    queryKey: ['server', language()],
    queryFn: () => answer(api.GET('/api/v1/server', { params: { query: { language: language() } } })),
    refetchInterval: 5_000,
  })
  return (
    <Page title={t('server.title')}>
      <Loaded query={server} lines={8}>
        {(found) => (
          <>
            <Health server={found} />
            <Settings settings={found.settings} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

function Health({ server }: { server: ServerShown }) {
  const { t } = useTranslation()
  const isLive = useIsLive()
  return (
    <div className="card facts">
      <div className="fact">
        <div className="k">{t('server.version')}</div>
        <div className="v">
          <Ltr>Remit {server.version}</Ltr>
        </div>
        <div className="s">
          {t('server.began')} <Moment at={server.started_at} />
        </div>
      </div>
      {server.parts.map((part) => (
        <Part key={part.code} part={part} kind={server.database} />
      ))}
      <div className="fact">
        <div className="k">{t('server.events')}</div>
        <State ok={isLive} />
        <div className="s">{isLive ? t('server.arrive') : t('frame.notLive')}</div>
      </div>
    </div>
  )
}

function Part({ part, kind }: { part: PartShown; kind: string }) {
  const { t } = useTranslation()
  const shown = part.code === 'database' ? duration(part.value) : number(part.value)
  return (
    <div className="fact">
      <div className="k">{t(`server.part.${part.code}`)}</div>
      <State ok={part.ok} />
      <div className="s">
        {part.why ? <bdi>{part.why}</bdi> : t(`server.figure.${part.code}`, { shown, kind, count: part.value })}
      </div>
    </div>
  )
}

function State({ ok }: { ok: boolean }) {
  const { t } = useTranslation()
  return (
    <div className="v">
      <span className={`verdict ${ok ? 't-allow' : 't-deny'}`} style={{ fontSize: 14 }}>
        {ok ? <IconCircleCheck size={17} aria-hidden /> : <IconAlertTriangle size={17} aria-hidden />}
        {t(ok ? 'server.well' : 'server.ill')}
      </span>
    </div>
  )
}

const setFirst = (one: SettingShown, other: SettingShown) => Number(one.is_default) - Number(other.is_default)

function Settings({ settings }: { settings: SettingShown[] }) {
  const { t } = useTranslation()
  const [only, setOnly] = useSearchText('set')
  const shown = settings.filter((each) => only !== '1' || !each.is_default).sort(setFirst)
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t('server.settings')}</h2>
        <span className="sub">{t('server.fromOutside')}</span>
        <Switch
          size="xs"
          style={{ marginInlineStart: 'auto' }}
          label={t('server.onlySet')}
          checked={only === '1'}
          onChange={(event) => setOnly(event.currentTarget.checked ? '1' : '')}
        />
      </div>
      <div className="table-scroll">
        <table className="table">
          <thead>
            <tr>
              <th>{t('server.setting')}</th>
              <th>{t('server.value')}</th>
              <th>{t('server.meaning')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((each) => (
              <tr key={each.name}>
                <td>
                  <Ltr mono>{each.name}</Ltr>
                </td>
                <td className="setting-value">
                  {each.value === '' ? <span className="quiet">–</span> : <Ltr mono>{each.value}</Ltr>}{' '}
                  {!each.is_default && <span className="chip t-allow">{t('server.isSet')}</span>}
                </td>
                <td className="sub prose">
                  <span dir="auto">{each.description}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
