import './approvals.css'

import { SegmentedControl } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
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
  const [view, setView] = useSearchText('view')
  useFresh(['approvals', 'approval'], ({ kind, verdict }) => kind.startsWith('approval') || kind.startsWith('question') || verdict === 'hold' || kind === 'run_ended')
  const approvals = useQuery({ queryKey: ['approvals', 'all'], queryFn: () => answer(api.GET('/api/v1/approvals', {})) })
  const waiting = approvals.data?.approvals.filter(isWaiting).length ?? 0
  return (
    <Page
      title={t('approvals.title')}
      beside={
        <SegmentedControl
          size="xs"
          value={view}
          onChange={setView}
          data={[
            { value: '', label: `${t('approvals.waiting')} ${number(waiting)}` },
            { value: 'decided', label: t('approvals.decided') },
          ]}
        />
      }
      actions={
        <span className="path-keys" aria-hidden>
          {['J', 'K', 'A', 'E', 'R'].map((key) => (
            <span key={key} className="kbd">
              {key}
            </span>
          ))}
        </span>
      }
    >
      <Loaded query={approvals} lines={8}>
        {(found) => <Split approvals={found.approvals.filter((each) => isWaiting(each) === (view !== 'decided'))} />}
      </Loaded>
    </Page>
  )
}

const isWaiting = (approval: ApprovalShown): boolean => approval.state === 'pending'

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
