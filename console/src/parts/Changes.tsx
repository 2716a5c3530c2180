import { IconMinus, IconPencil, IconPlus } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import type { ChangeShown } from '../api/schema'
import { Ltr } from './Ltr'

const SIGNS = { added: IconPlus, removed: IconMinus, changed: IconPencil }
const COLOURS = { added: 't-allow', removed: 't-deny', changed: 't-hold' }

/** What a release changes, in a reviewer's words. The server writes them in English, as it does in `remit plan`. */
export function Changes({ changes }: { changes: ChangeShown[] }) {
  const { t } = useTranslation()
  if (changes.length === 0) return <div className="section sub">{t('releases.noChange')}</div>
  return (
    <ul className="changes">
      {changes.map((change) => {
        const kind = change.kind as keyof typeof SIGNS
        const Sign = SIGNS[kind] ?? IconPencil
        return (
          <li key={`${change.resource} ${change.words}`}>
            <Sign size={15} stroke={2.2} className={COLOURS[kind]} aria-label={t(`releases.${change.kind}`)} />
            <div>
              <Ltr mono>{change.resource}</Ltr>
              <div className="change-words">
                <bdi dir="ltr">{change.words}</bdi>
              </div>
            </div>
          </li>
        )
      })}
    </ul>
  )
}
