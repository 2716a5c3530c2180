import { SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import type { ModelShown } from '../../api/schema'
import { number, usd } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { Prompts } from './Prompts'

/** The models that agents may ask for, where they are reached, and the prompts of the release. */
export function Models() {
  const { t } = useTranslation()
  const [view, setView] = useSearchText('view')
  return (
    <Page
      title={t('models.title')}
      beside={
        <SegmentedControl
          size="xs"
          value={view}
          onChange={setView}
          data={[
            { value: '', label: t('models.models') },
            { value: 'prompts', label: t('models.prompts') },
          ]}
        />
      }
    >
      {view === 'prompts' ? <Prompts /> : <Catalogue />}
    </Page>
  )
}

function Catalogue() {
  const { t } = useTranslation()
  const models = useQuery({ queryKey: ['models'], queryFn: () => answerOr({ release: '', models: [] }, api.GET('/api/v1/models')) })
  return (
    <div className="card">
      <Loaded query={models}>
        {({ models: found }) => (found.length === 0 ? <Empty title={t('models.none')}>{t('models.first')}</Empty> : <Table models={found} />)}
      </Loaded>
    </div>
  )
}

function Table({ models }: { models: ModelShown[] }) {
  const { t } = useTranslation()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('models.model')}</th>
            <th>{t('models.reached')}</th>
            <th>{t('models.sees')}</th>
            <th className="end">{t('models.price')}</th>
            <th className="end">{t('models.tokens')}</th>
            <th>{t('models.granted')}</th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={model.name}>
              <td>
                <Ltr mono>{model.name}</Ltr>
              </td>
              <td className="prose">
                {model.routes.map((route) => (
                  <div key={route.url + route.upstream}>
                    <Ltr mono>{route.url}</Ltr>
                    <div className="quiet row-gap">
                      <Ltr>{[route.dialect, route.upstream, route.region].filter(Boolean).join(' · ')}</Ltr>
                      {model.routes.length > 1 && <span>{t('models.weight', { weight: number(route.weight) })}</span>}
                    </div>
                  </div>
                ))}
              </td>
              <td>
                <span className="row-gap">
                  {model.sees.map((each) => (
                    <span key={each} className="chip">
                      {t(`run.label.${each}`, each)}
                    </span>
                  ))}
                  {model.sees.length === 0 && <span className="quiet">{t('models.seesNothing')}</span>}
                </span>
              </td>
              <td className="end num">
                {model.input_price === null || model.output_price === null ? (
                  <span className="quiet">{t('models.listed')}</span>
                ) : (
                  <Ltr>
                    {usd(model.input_price)} / {usd(model.output_price)}
                  </Ltr>
                )}
              </td>
              <td className="end num">
                <Ltr>
                  {number(model.context_tokens)} / {number(model.max_output_tokens)}
                </Ltr>
              </td>
              <td>
                {model.agents.length === 0 ? <span className="quiet">–</span> : <Ltr>{model.agents.join(', ')}</Ltr>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
