import { Button, TextInput } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconCheck, IconMessageQuestion, IconPencil, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { ApprovalDetailShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { useAct } from '../../parts/act'
import { edited, type Edits } from './edits'

const CHANGES = ['approvals', 'approval', 'runs', 'run', 'actions']

interface Props {
  detail: ApprovalDetailShown
  edits: Edits | null
  setEdits: (edits: Edits | null) => void
}

/** Answer what is looked at: as it is, edited, or not at all; or ask the agent first. A, E and R do the same. */
export function Acts({ detail, edits, setEdits }: Props) {
  const { t } = useTranslation()
  const may = useMay('approver')
  const [comment, setComment] = useState('')
  const path = { approval: detail.id }
  const body = { digest: detail.digest, comment }
  const approving = useAct(() => answer(api.POST('/api/v1/approvals/{approval}/approve', { params: { path }, body })), {
    said: (made) => (made.state === 'pending' ? t('approvals.counted') : t('approvals.approved')),
    changes: CHANGES,
  })
  const rejecting = useAct(() => answer(api.POST('/api/v1/approvals/{approval}/reject', { params: { path }, body })), {
    said: () => t('approvals.rejected'),
    changes: CHANGES,
  })
  const asking = useAct(
    () => answer(api.POST('/api/v1/approvals/{approval}/ask', { params: { path }, body: { text: comment } })),
    { said: () => t('approvals.asked'), changes: CHANGES, then: () => setComment('') },
  )
  const own = detail.own_side
  const canAnswer = may && own === null && detail.withheld === null
  useHotkeys(
    canAnswer && edits === null
      ? [['a', () => approving.mutate(undefined)], ['r', () => rejecting.mutate(undefined)], ['e', () => setEdits({})]]
      : [],
  )
  if (may && own) return <div className="approval-acts sub">{t(`approvals.ownSide.${own.part}`, { name: own.name })}</div>
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
      {edits === null ? (
        <>
          <Button leftSection={<IconCheck size={16} />} loading={approving.isPending} onClick={() => approving.mutate(undefined)}>
            {t('approvals.approve')}
          </Button>
          <Button variant="default" leftSection={<IconPencil size={16} />} onClick={() => setEdits({})}>
            {t('approvals.edit')}
          </Button>
          <Button variant="light" color="red" leftSection={<IconX size={16} />} loading={rejecting.isPending} onClick={() => rejecting.mutate(undefined)}>
            {t('approvals.reject')}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconMessageQuestion size={16} />}
            disabled={!comment.trim()}
            title={t('approvals.askHow')}
            loading={asking.isPending}
            onClick={() => asking.mutate(undefined)}
          >
            {t('approvals.ask')}
          </Button>
        </>
      ) : (
        <Edited detail={detail} edits={edits} comment={comment} stop={() => setEdits(null)} />
      )}
    </div>
  )
}

/** Plain approval is gone while arguments are edited: what is approved is what is looked at. */
function Edited({ detail, edits, comment, stop }: { detail: ApprovalDetailShown; edits: Edits; comment: string; stop: () => void }) {
  const { t } = useTranslation()
  const made = edited(detail, edits)
  const sending = useAct(
    () =>
      answer(
        api.POST('/api/v1/approvals/{approval}/edit', {
          params: { path: { approval: detail.id } },
          body: { digest: detail.digest, comment, arguments: made as Record<string, never> },
        }),
      ),
    {
      said: (after) => (after.state === 'pending' ? t('approvals.editCounted') : t('approvals.editApproved')),
      changes: CHANGES,
      then: stop,
    },
  )
  return (
    <>
      <Button
        leftSection={<IconPencil size={16} />}
        disabled={made === null || Object.keys(edits).length === 0}
        loading={sending.isPending}
        onClick={() => sending.mutate(undefined)}
      >
        {t('approvals.approveEdited')}
      </Button>
      <Button variant="default" onClick={stop}>
        {t('approvals.cancel')}
      </Button>
      <span className="sub" style={{ flexBasis: '100%', fontSize: 12 }}>
        {made === null ? t('approvals.unfit') : t('approvals.editVoids')}
      </span>
    </>
  )
}
