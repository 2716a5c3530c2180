import { Button, TextInput } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconCheck, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { ApprovalDetailShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { useAct } from '../../parts/act'

const CHANGES = ['approvals', 'approval', 'runs', 'run', 'actions']

/** Approve or reject exactly the arguments that are looked at. A and R do the same. */
export function Acts({ detail }: { detail: ApprovalDetailShown }) {
  const { t } = useTranslation()
  const may = useMay('approver')
  const [comment, setComment] = useState('')
  const given = { params: { path: { approval: detail.id } }, body: { digest: detail.digest, comment } }
  const approving = useAct(() => answer(api.POST('/api/v1/approvals/{approval}/approve', given)), {
    said: (made) => (made.state === 'pending' ? t('approvals.counted') : t('approvals.approved')),
    changes: CHANGES,
  })
  const rejecting = useAct(() => answer(api.POST('/api/v1/approvals/{approval}/reject', given)), {
    said: () => t('approvals.rejected'),
    changes: CHANGES,
  })
  const canAnswer = may && detail.withheld !== 'not_yours'
  useHotkeys(canAnswer ? [['a', () => approving.mutate(undefined)], ['r', () => rejecting.mutate(undefined)]] : [])
  if (!canAnswer) return <div className="approval-acts sub">{t('approvals.notYours', { groups: detail.approvers.join(', ') })}</div>
  return (
    <div className="approval-acts">
      <TextInput
        size="sm"
        style={{ flex: '1 1 200px' }}
        aria-label={t('approvals.comment')}
        placeholder={t('approvals.comment')}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <Button leftSection={<IconCheck size={16} />} loading={approving.isPending} onClick={() => approving.mutate(undefined)}>
        {t('approvals.approve')}
      </Button>
      <Button variant="light" color="red" leftSection={<IconX size={16} />} loading={rejecting.isPending} onClick={() => rejecting.mutate(undefined)}>
        {t('approvals.reject')}
      </Button>
    </div>
  )
}
