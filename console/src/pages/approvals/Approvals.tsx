import './approvals.css'

import { SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
import { useMay, useSession } from '../../api/session'
import type { ApprovalShown } from '../../api/schema'
import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { Detail } from './Detail'
import { Inbox } from './Inbox'

/** What waits for people, and what they have decided. */
export function Approvals() {
  const { t } = useTranslation()
  const { groups, person } = useSession()
  const mayAnswer = useMay('approver') && groups.length > 0
  const [asked, setView] = useSearchText('view')
  const view = viewOf(asked, groups)
  useFresh(['approvals', 'approval'], ({ kind, verdict }) => kind.startsWith('approval') || kind.startsWith('question') || verdict === 'hold' || kind === 'run_ended')
  const approvals = useQuery({ queryKey: ['approvals', 'all'], queryFn: () => answer(api.GET('/api/v1/approvals', {})) })
  const within = (each: View) => (approvals.data?.approvals ?? []).filter((approval) => isIn(approval, each, groups, person))
  return (
    <Page
      title={t('approvals.title')}
      beside={
        <SegmentedControl
          size="xs"
          value={view}
          onChange={setView}
          data={(groups.length > 0 ? VIEWS : OUTSIDERS).map((each) => ({
            value: each,
            label: each === 'decided' ? t('approvals.decided') : `${t(`approvals.${each}`)} ${number(within(each).length)}`,
          }))}
        />
      }
      actions={
        <span className="path-keys" aria-hidden>
          {(mayAnswer ? ['J', 'K', 'A', 'E', 'R'] : ['J', 'K']).map((key) => (
            <span key={key} className="kbd">
              {key}
            </span>
          ))}
        </span>
      }
    >
      <Loaded query={approvals} lines={8}>
        {() => <Split approvals={within(view)} />}
      </Loaded>
    </Page>
  )
}

const VIEWS = ['me', 'team', 'waiting', 'decided'] as const
/** Of who is in no group that is ever asked. */
const OUTSIDERS = ['waiting', 'decided'] as const
type View = (typeof VIEWS)[number]

const viewOf = (asked: string, groups: string[]): View =>
  VIEWS.find((each) => each === asked) ?? (groups.length > 0 ? 'me' : 'waiting')

/** For me: my group may answer now, and I have not. My team: a group of mine has a say, whoever's turn it is. */
function isIn(approval: ApprovalShown, view: View, groups: string[], person: string): boolean {
  const isPending = approval.state === 'pending'
  if (view === 'decided') return !isPending
  if (view === 'waiting' || !isPending) return isPending
  if (view === 'team') return [...approval.approvers, ...approval.asked].some((group) => groups.includes(group))
  const answers = approval.answers as { by?: string }[]
  return approval.asked.some((group) => groups.includes(group)) && answers.every((said) => said.by !== person)
}

function Split({ approvals }: { approvals: ApprovalShown[] }) {
  const { t } = useTranslation()
  const [id, choose] = useSearchText('id')
  if (approvals.length === 0 && !id) {
    return (
      <div className="card fill" style={{ display: 'grid', placeItems: 'center' }}>
        <Empty title={t('approvals.none')}>{t('approvals.comes')}</Empty>
      </div>
    )
  }
  const chosen = id || approvals[0]?.id
  return (
    <div className="inbox fill">
      <Inbox approvals={approvals} chosen={chosen} choose={choose} />
      {chosen && <Detail key={chosen} id={chosen} />}
    </div>
  )
}
