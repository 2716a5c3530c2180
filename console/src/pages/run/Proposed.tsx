import { useQueryClient } from '@tanstack/react-query'
import type { InfiniteData } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import type { ActionPage, ActionShown } from '../../api/schema'
import { Ltr } from '../../parts/Ltr'
import { Verdict } from '../../parts/Verdict'
import { useSearchText } from '../../parts/useSearchText'

/** A tool call that a model asked for in its answer, as the gateway keeps it. */
interface Proposal {
  tool: string
  arguments: unknown
}

interface Answer {
  answer: string
  proposed: Proposal[]
}

/** A model's answer as the gateway keeps it; undefined for any other result. */
export function answerIn(text: string | null): Answer | undefined {
  try {
    const found = JSON.parse(text ?? '') as Partial<Answer> | null
    return Array.isArray(found?.proposed) ? { answer: String(found.answer ?? ''), proposed: found.proposed } : undefined
  } catch {
    return undefined
  }
}

/** What a model said and asked for, beside what was then done. */
export function Proposed({ said, run, action }: { said: Answer; run: string; action: string }) {
  const { t } = useTranslation()
  const done = useDone(said.proposed, run, action)
  const [, choose] = useSearchText('step')
  return (
    <div className="said">
      {said.answer && (
        <div className="turn-task">
          <bdi>{said.answer}</bdi>
        </div>
      )}
      {said.proposed.length > 0 && (
        <table className="table proposed">
          <thead>
            <tr>
              <th>{t('run.proposed')}</th>
              <th>{t('run.done')}</th>
            </tr>
          </thead>
          <tbody>
            {said.proposed.map((each, place) => {
              const found = done[place]
              return (
                <tr key={place}>
                  <td>
                    <Ltr mono>{each.tool}</Ltr>
                    <pre className="code said-text" dir="ltr" tabIndex={0} aria-label={each.tool}>
                      {typeof each.arguments === 'string' ? each.arguments : JSON.stringify(each.arguments, null, 2)}
                    </pre>
                  </td>
                  <td>
                    {found ? (
                      <button type="button" className="plain" onClick={() => choose(found.id)}>
                        <Ltr mono>{found.target}</Ltr> <Verdict word={found.verdict} />
                      </button>
                    ) : (
                      <span className="quiet">{t('run.notDone')}</span>
                    )}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
    </div>
  )
}

/** Which action of the run carried each proposal out: those of that tool up to the model's next answer, in order. */
function useDone(proposed: Proposal[], run: string, action: string): (ActionShown | undefined)[] {
  const pages = useQueryClient().getQueryData<InfiniteData<ActionPage>>(['actions', run])
  const actions = (pages?.pages ?? []).flatMap((page) => page.actions)
  const from = actions.findIndex((each) => each.id === action)
  const next = actions.findIndex((each, place) => place > from && each.kind === 'model')
  const left = from < 0 ? [] : actions.slice(from + 1, next < 0 ? undefined : next)
  return proposed.map(({ tool }) => {
    const place = left.findIndex((each) => plain(each.target) === plain(tool))
    return place < 0 ? undefined : left.splice(place, 1)[0]
  })
}

/** Models name tools with letters, digits and underscores only. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '_')
