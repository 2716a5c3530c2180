import { IconCircleCheck, IconHandStop, IconPlayerPlay } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

const LOOKS = {
  running: { Icon: IconPlayerPlay, className: 't-allow' },
  stopped: { Icon: IconHandStop, className: 't-deny' },
  ended: { Icon: IconCircleCheck, className: 'sub' },
}

/** Where a run stands. */
export function RunState({ state, pill = false }: { state: string; pill?: boolean }) {
  const { t } = useTranslation()
  const { Icon, className } = LOOKS[state as keyof typeof LOOKS] ?? LOOKS.ended
  return (
    <span className={`verdict ${className}${pill ? ' pill' : ''}`}>
      <Icon size={14} stroke={2} aria-hidden />
      {t(`runs.state.${state}`)}
    </span>
  )
}
