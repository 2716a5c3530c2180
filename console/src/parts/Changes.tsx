import { IconMinus, IconPencil, IconPlus } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { ChangeShown } from '../api/schema'
import { Ltr } from './Ltr'

const SIGNS = { added: IconPlus, removed: IconMinus, changed: IconPencil }
const COLOURS = { added: 't-allow', removed: 't-deny', changed: 't-hold' }

/** What a release changes, in a reviewer's words, which the server writes in the language that it is asked in. */
export function Changes({ changes }: { changes: ChangeShown[] }) {
  const { t } = useTranslation()
  if (changes.length === 0) return <div className="section sub">{t('releases.noChange')}</div>
  return (
    <ul className="changes">
      {byResource(changes).map(([resource, lines]) => {
        const kind = lines[0].kind as keyof typeof SIGNS
        const Sign = SIGNS[kind] ?? IconPencil
        return (
          <li key={resource}>
            <Sign size={15} stroke={2.2} className={COLOURS[kind]} aria-label={t(`releases.${kind}`)} />
            <div>
              <Ltr mono>{resource}</Ltr>
              {lines.map((change) => (
                <Words key={change.words} words={change.words} />
              ))}
            </div>
          </li>
        )
      })}
    </ul>
  )
}

/** Changes of one thing stand together, in the order in which the things come. */
function byResource(changes: ChangeShown[]): [string, ChangeShown[]][] {
  const found = new Map<string, ChangeShown[]>()
  for (const change of changes) found.set(change.resource, [...(found.get(change.resource) ?? []), change])
  return [...found]
}

/** A sentence; the text of a changed policy follows it on lines of its own. */
function Words({ words }: { words: string }) {
  const [said, ...lines] = words.split('\n')
  return (
    <>
      <div className="change-words">
        <span dir="auto">{said}</span>
      </div>
      {lines.length > 0 && (
        <pre className="code" dir="ltr" tabIndex={0}>
          {lines.map((line, place) => (
            <div key={place} className={markOf(line.trimStart())}>
              {line || ' '}
            </div>
          ))}
        </pre>
      )}
    </>
  )
}

const markOf = (line: string): string | undefined => (line.startsWith('+') ? 'hit good' : line.startsWith('-') ? 'hit bad' : undefined)
