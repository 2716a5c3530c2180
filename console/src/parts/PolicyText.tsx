import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, answerOr, api } from '../api/client'
import type { DecidingPolicyShown, DecidingShown } from '../api/schema'
import { Loaded } from './Loaded'
import { Ltr } from './Ltr'

interface Props {
  action: string
  release: string
  ids: string[]
}

/** The policies that had a say, as they stand in their files, with the lines marked that the server says made them count. */
export function PolicyText({ action, release, ids }: Props) {
  const { t } = useTranslation()
  const deciding = useQuery({
    queryKey: ['deciding', action],
    staleTime: Infinity, // what decided an action never changes
    queryFn: () => answerOr<DecidingShown | null>(null, api.GET('/api/v1/policies/deciding/{action}', { params: { path: { action } } })),
  })
  return (
    <Loaded query={deciding} lines={3}>
      {(found) =>
        found === null ? (
          <Unmarked release={release} ids={ids} />
        ) : (
          <div className="policy-texts">
            {ids.map((id) => {
              const policy = found.policies.find((each) => each.policy === id)
              return (
                <div key={id}>
                  <div className="row-gap" style={{ marginBottom: 4 }}>
                    <Ltr mono>{id}</Ltr>
                    {policy && <span className={`chip ${COLOURS[policy.stance]}`}>{t(`run.stance.${policy.stance}`)}</span>}
                  </div>
                  {policy?.text ? <Lines policy={policy} /> : <div className="sub">{t('run.granted')}</div>}
                </div>
              )
            })}
          </div>
        )
      }
    </Loaded>
  )
}

/** By what the policy itself says: what permits an action is not to blame where something else denies it. */
const COLOURS: Record<string, string> = { permit: 't-allow', hold: 't-hold', forbid: 't-deny' }
const MARKS: Record<string, string> = { permit: 'hit good', hold: 'hit', forbid: 'hit bad' }

function Lines({ policy }: { policy: DecidingPolicyShown }) {
  return (
    <pre className="code" dir="ltr" tabIndex={0} aria-label={policy.policy}>
      {policy.text.split('\n').map((line, place) => (
        <div key={place} className={policy.lines.includes(policy.line + place) ? MARKS[policy.stance] : undefined}>
          {line || ' '}
        </div>
      ))}
    </pre>
  )
}

/** Where the arguments are gone nobody can say any more which line counted: the policies as they stand. */
function Unmarked({ release, ids }: { release: string; ids: string[] }) {
  const { t } = useTranslation()
  const policies = useQuery({
    queryKey: ['policies', release],
    staleTime: Infinity, // a release never changes
    queryFn: () => answer(api.GET('/api/v1/policies', { params: { query: { release } } })),
  })
  return (
    <Loaded query={policies} lines={3}>
      {(found) => (
        <div className="policy-texts">
          <div className="quiet">{t('run.notMarked')}</div>
          {ids.map((id) => {
            const text = found.policies.flatMap((file) => file.statements).find((each) => each.id === id)?.text ?? ''
            return (
              <div key={id}>
                <Ltr mono>{id}</Ltr>
                {text === '' ? (
                  <div className="sub">{t('run.granted')}</div>
                ) : (
                  <pre className="code" dir="ltr" tabIndex={0} aria-label={id}>
                    {text.split('\n').map((line, place) => (
                      <div key={place}>{line || ' '}</div>
                    ))}
                  </pre>
                )}
              </div>
            )
          })}
        </div>
      )}
    </Loaded>
  )
}
