import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../api/client'
import { Loaded } from './Loaded'
import { Ltr } from './Ltr'

interface Props {
  release: string
  ids: string[]
  bad?: boolean
}

/** The policies that decided, as they stand in their files, with the lines that carry the decision marked. */
export function PolicyText({ release, ids, bad = false }: Props) {
  const { t } = useTranslation()
  const policies = useQuery({
    queryKey: ['policies', release],
    staleTime: Infinity, // a release never changes
    queryFn: () => answer(api.GET('/api/v1/policies', { params: { query: { release } } })),
  })
  return (
    <Loaded query={policies} lines={3}>
      {(found) => (
        <div style={{ display: 'grid', gap: 10 }}>
          {ids.map((id) => {
            const text = found.policies.flatMap((file) => file.statements).find((each) => each.id === id)?.text ?? ''
            return (
              <div key={id}>
                <div style={{ marginBottom: 4 }}>
                  <Ltr mono>{id}</Ltr>
                </div>
                {text === '' ? <div className="sub">{t('run.granted')}</div> : <Lines text={text} bad={bad} />}
              </div>
            )
          })}
        </div>
      )}
    </Loaded>
  )
}

function Lines({ text, bad }: { text: string; bad: boolean }) {
  return (
    <pre className="code" dir="ltr" tabIndex={0}>
      {text.split('\n').map((line, place) => (
        <div key={place} className={isDeciding(line) ? `hit${bad ? ' bad' : ''}` : undefined}>
          {line || ' '}
        </div>
      ))}
    </pre>
  )
}

/** Annotations that hold, and the conditions: what made this policy count here. */
const isDeciding = (line: string): boolean => /^\s*(@hold|when\b|unless\b|\)?\s*(when|unless)\s*\{)/.test(line) || /^\s+.*(context|principal|resource)\./.test(line)
