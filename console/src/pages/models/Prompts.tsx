import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import type { PromptShown } from '../../api/schema'
import { short } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'

/** The prompts of the release: their messages as they are written, and what is filled in. */
export function Prompts() {
  const { t } = useTranslation()
  const prompts = useQuery({ queryKey: ['prompts'], queryFn: () => answerOr({ release: '', prompts: [] }, api.GET('/api/v1/prompts')) })
  return (
    <Loaded query={prompts}>
      {({ prompts: found }) =>
        found.length === 0 ? (
          <div className="card">
            <Empty title={t('models.noPrompt')} command="remit apply DIR">
              {t('models.firstPrompt')}
            </Empty>
          </div>
        ) : (
          <div className="grid">
            {found.map((prompt) => (
              <Prompt key={prompt.name} prompt={prompt} />
            ))}
          </div>
        )
      }
    </Loaded>
  )
}

function Prompt({ prompt }: { prompt: PromptShown }) {
  const { t } = useTranslation()
  return (
    <section className="card w6" aria-label={prompt.name}>
      <div className="card-head">
        <h2>
          <Ltr mono>{prompt.name}</Ltr>
        </h2>
        <span className="chip" title={prompt.version}>
          <Ltr mono>{short(prompt.version)}</Ltr>
        </span>
        {prompt.model && (
          <span className="chip">
            <Ltr>{prompt.model}</Ltr>
          </span>
        )}
      </div>
      <div className="section sub">
        <bdi>{prompt.description}</bdi>
      </div>
      {prompt.variables.length > 0 && (
        <div className="section">
          <h3>{t('models.variables')}</h3>
          <dl className="pairs">
            {prompt.variables.map((each) => (
              <div key={each.name} style={{ display: 'contents' }}>
                <dt>
                  <Ltr mono>{each.name}</Ltr>
                </dt>
                <dd>
                  <Ltr mono>{each.type}</Ltr> {each.required && <span className="chip">{t('models.required')}</span>}{' '}
                  <bdi className="sub">{each.description}</bdi>
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      {prompt.messages.map((message, place) => (
        <div key={place} className="section">
          <h3>
            <Ltr>{message.role}</Ltr>
          </h3>
          <pre className="code said-text" dir="auto" tabIndex={0} aria-label={`${prompt.name} ${message.role}`}>
            {message.content}
          </pre>
        </div>
      ))}
    </section>
  )
}
