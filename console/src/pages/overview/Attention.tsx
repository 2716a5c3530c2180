import type { Icon } from '@tabler/icons-react'
import {
  IconAlertTriangle,
  IconChevronRight,
  IconCircleCheck,
  IconClock,
  IconCoins,
  IconHandStop,
  IconQuestionMark,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { AttentionShown } from '../../api/schema'
import { ago, number, percent } from '../../format'
import { Ltr } from '../../parts/Ltr'

interface Look {
  Icon: Icon
  colour: string
  to: (item: AttentionShown) => { to: string; search?: Record<string, string> }
}

const LOOKS: Record<AttentionShown['code'], Look> = {
  ledger_alarm: { Icon: IconAlertTriangle, colour: 'var(--deny)', to: () => ({ to: '/audit' }) },
  approvals_pending: {
    Icon: IconClock,
    colour: 'var(--deny)',
    to: ({ subject }) => ({ to: '/approvals', search: { id: subject } }),
  },
  actions_unknown: { Icon: IconQuestionMark, colour: 'var(--hold)', to: ({ subject }) => ({ to: `/runs/${subject}` }) },
  budget_exhausted: { Icon: IconCoins, colour: 'var(--deny)', to: () => ({ to: '/budgets' }) },
  stops_in_force: { Icon: IconHandStop, colour: 'var(--hold)', to: () => ({ to: '/agents' }) },
  budget_near: { Icon: IconCoins, colour: 'var(--hold)', to: () => ({ to: '/budgets' }) },
}

/** What needs a person now, the most urgent first; each leads to where it is dealt with. */
export function Attention({ items, at }: { items: AttentionShown[]; at: number }) {
  const { t } = useTranslation()
  return (
    <section className="card w4">
      <div className="card-head">
        <h2>{t('overview.attention')}</h2>
      </div>
      {items.length === 0 && (
        <p className="overview-calm sub">
          <IconCircleCheck size={17} color="var(--allow)" aria-hidden />
          {t('overview.calm')}
        </p>
      )}
      <ul className="overview-items">
        {items.map((item) => (
          <li key={`${item.code} ${item.budget} ${item.subject}`}>
            <Item item={item} at={at} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Item({ item, at }: { item: AttentionShown; at: number }) {
  const { t } = useTranslation()
  const { Icon, colour, to } = LOOKS[item.code]
  const values = {
    count: item.count,
    number: number(item.count),
    when: item.until === null ? '' : ago(item.until, at),
    share: percent((item.per_cent ?? 0) / 100),
  }
  return (
    <Link {...to(item)} className="overview-item">
      <Icon size={18} stroke={1.9} color={colour} aria-hidden />
      <span style={{ flex: 1, minWidth: 0 }}>
        <span className="overview-said">{t(`overview.code.${item.code}`, values)}</span>
        <Subject item={item} />
      </span>
      <IconChevronRight size={16} className="mirrored" aria-hidden />
    </Link>
  )
}

function Subject({ item }: { item: AttentionShown }) {
  const names = [item.budget, item.subject].filter(Boolean)
  if (names.length === 0) return null
  return (
    <span className="sub truncate" style={{ display: 'block' }}>
      <Ltr mono>{names.join(' · ')}</Ltr>
    </span>
  )
}
