import { IconBan, IconCircleCheck, IconHandStop, IconPointFilled } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

export type Word = 'allow' | 'hold' | 'deny'

const ICONS = { allow: IconCircleCheck, hold: IconHandStop, deny: IconBan }

/** A decision's word with its sign: colour is never alone. */
export function Verdict({ word, pill = false }: { word: string; pill?: boolean }) {
  const { t } = useTranslation()
  const known = word as Word
  const Icon = ICONS[known] ?? IconPointFilled
  return (
    <span className={`verdict t-${word}${pill ? ' pill' : ''}`}>
      <Icon size={15} stroke={2} aria-hidden />
      {t(`frame.verdict.${word}`, word)}
    </span>
  )
}
