import type { Icon } from '@tabler/icons-react'
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconCalendarX,
  IconChevronRight,
  IconCircleCheck,
  IconClock,
  IconCoins,
  IconHandStop,
  IconPlugConnectedX,
  IconQuestionMark,
  IconSitemap,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { AttentionShown, MoreShown } from '../../api/schema'
import { ago, number, percent, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'

interface Place {
  to: string
  search?: Record<string, string>
}

/** Where one thing is dealt with, and where all of its kind are. */
interface Look {
  Icon: Icon
  colour: string
  to: (item: AttentionShown) => Place
  all: Place
}

const RED = 'var(--deny)'
const AMBER = 'var(--hold)'
const RUNS = { to: '/runs' }
const WORKFLOWS = { to: '/workflows' }
const TOOLS = { to: '/tools', search: { view: 'servers' } }
const BUDGETS = { to: '/budgets' }

const runOf = ({ workflow, run, subject }: AttentionShown): Place =>
  workflow ? { to: `/workflow-runs/${run}` } : { to: `/runs/${run}`, search: { step: subject } }
const runsOf = ({ workflow, run, count }: AttentionShown): Place =>
  count === 1 ? { to: `/workflow-runs/${run}` } : { ...WORKFLOWS, search: { workflow } }
const toolOf = ({ subject }: AttentionShown): Place => ({ to: '/tools', search: { tool: subject } })

const LOOKS: Record<AttentionShown['code'], Look> = {
  ledger_alarm: { Icon: IconAlertTriangle, colour: RED, to: () => ({ to: '/audit' }), all: { to: '/audit' } },
  approval_pending: {
    Icon: IconClock,
    colour: RED,
    to: ({ subject }) => ({ to: '/approvals', search: { id: subject } }),
    all: { to: '/approvals', search: { view: 'waiting' } },
  },
  action_unknown: { Icon: IconQuestionMark, colour: RED, to: runOf, all: RUNS },
  not_undone: { Icon: IconArrowBackUp, colour: RED, to: runsOf, all: WORKFLOWS },
  workflow_failed: { Icon: IconSitemap, colour: RED, to: runsOf, all: { ...WORKFLOWS, search: { state: 'failed' } } },
  schedule_problem: {
    Icon: IconCalendarX,
    colour: AMBER,
    to: () => ({ ...WORKFLOWS, search: { view: 'schedules' } }),
    all: { ...WORKFLOWS, search: { view: 'schedules' } },
  },
  tool_changed: { Icon: IconPlugConnectedX, colour: AMBER, to: toolOf, all: TOOLS },
  tool_not_accepted: { Icon: IconPlugConnectedX, colour: AMBER, to: toolOf, all: TOOLS },
  budget_exhausted: { Icon: IconCoins, colour: RED, to: () => BUDGETS, all: BUDGETS },
  stops_in_force: { Icon: IconHandStop, colour: AMBER, to: () => ({ to: '/agents' }), all: { to: '/agents' } },
  budget_near: { Icon: IconCoins, colour: AMBER, to: () => BUDGETS, all: BUDGETS },
}

interface Props {
  items: AttentionShown[]
  more: MoreShown[]
  at: number
}

/** What needs a person now, the most urgent first: its state, what it costs and why. Each leads to where it is dealt with. */
export function Attention({ items, more, at }: Props) {
  const { t } = useTranslation()
  return (
    <section className="card w4" aria-labelledby="attention-title">
      <div className="card-head">
        <h2 id="attention-title">{t('overview.attention')}</h2>
      </div>
      {items.length === 0 && (
        <p className="overview-calm sub">
          <IconCircleCheck size={17} color="var(--allow)" aria-hidden />
          {t('overview.calm')}
        </p>
      )}
      <ul className="overview-items">
        {items.map((item, place) => (
          <li key={`${item.code} ${item.budget} ${item.workflow} ${item.subject}`}>
            <Item item={item} at={at} />
            {items[place + 1]?.code !== item.code && <More more={more.find((each) => each.code === item.code)} />}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Item({ item, at }: { item: AttentionShown; at: number }) {
  const { t } = useTranslation()
  const { Icon, colour, to } = LOOKS[item.code]
  return (
    <Link {...to(item)} className="overview-item">
      <Icon size={18} stroke={1.9} color={colour} aria-hidden />
      <span style={{ flex: 1, minWidth: 0 }}>
        <span className="overview-line">
          <span className="overview-said">
            <Title item={item} />
          </span>
          {item.cost !== null && item.cost > 0 && (
            <span className="num">
              <span className="overview-unseen">{t('overview.cost')} </span>
              {usd(item.cost)}
            </span>
          )}
        </span>
        <State item={item} at={at} />
        {item.why && (
          <span className="sub overview-why">
            <bdi>{item.why}</bdi>
          </span>
        )}
      </span>
      <IconChevronRight size={16} className="mirrored" aria-hidden />
    </Link>
  )
}

/** Names keep their own direction inside a sentence (UAX 9, section 2.5). */
const named = (name: string): string => `\u2068${name}\u2069`

function Title({ item }: { item: AttentionShown }) {
  const { t } = useTranslation()
  if (item.code === 'approval_pending') return <bdi>{item.title}</bdi>
  const values = {
    count: item.count,
    number: number(item.count),
    share: percent((item.per_cent ?? 0) / 100),
    budget: named(item.budget),
    workflow: named(item.workflow),
    tool: named(item.title || item.subject),
  }
  return t(`overview.code.${item.code}`, values)
}

/** How it stands: for whom it waits and until when, or since when it is so; and who or what it is about. */
function State({ item, at }: { item: AttentionShown; at: number }) {
  const { t } = useTranslation()
  const said = []
  if (item.code === 'approval_pending') {
    said.push(t(`overview.waits.${item.yours === null ? 'unknown' : item.yours ? 'yours' : 'others'}`))
    if (item.until !== null) said.push(t('overview.expires', { when: ago(item.until, at) }))
  } else if (item.since !== null) {
    said.push(ago(item.since, Math.max(at, item.since)))
  }
  const about = { stops_in_force: item.subject, budget_near: item.subject, budget_exhausted: item.subject }[item.code as string]
  const name = about ?? item.agent
  if (said.length === 0 && !name) return null
  return (
    <span className="sub overview-state">
      {name && <Ltr mono>{name}</Ltr>}
      {said.length > 0 && <span>{said.join(' · ')}</span>}
    </span>
  )
}

function More({ more }: { more: MoreShown | undefined }) {
  const { t } = useTranslation()
  if (more === undefined) return null
  return (
    <Link {...LOOKS[more.code].all} className="overview-item overview-more sub">
      {t('overview.more', { what: t(`overview.kind.${more.code}`), number: number(more.count) })}
      <IconChevronRight size={16} className="mirrored" aria-hidden />
    </Link>
  )
}
