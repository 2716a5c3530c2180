import { Button, Select, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, answerOr, api } from '../../api/client'
import type { KeyShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { useAct } from '../../parts/act'
import { Command, Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'

/** The keys agents come with. A secret is shown once. */
export function Keys() {
  const { t } = useTranslation()
  const may = useMay('admin')
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => answer(api.GET('/api/v1/keys', {})), enabled: may })
  if (!may) return <Empty title={t('people.adminsOnly')} />
  return (
    <>
      <Make />
      <Loaded query={keys}>
        {({ keys: found }) =>
          found.length === 0 ? <Empty title={t('people.noKeys')} /> : <Table keys={found} />
        }
      </Loaded>
    </>
  )
}

function Make() {
  const { t } = useTranslation()
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')) })
  const [agent, setAgent] = useState<string | null>(null)
  const [label, setLabel] = useState('')
  const [secret, setSecret] = useState('')
  const making = useAct(() => answer(api.POST('/api/v1/keys', { body: { agent: agent ?? '', label } })), {
    said: (made) => t('people.keyMade', { agent: made.holder }),
    changes: ['keys'],
    then: (made) => setSecret(made.secret ?? ''),
  })
  return (
    <div className="section">
      <div className="row-gap">
        <Select
          size="xs"
          aria-label={t('agents.agent')}
          placeholder={t('agents.agent')}
          data={(agents.data?.agents ?? []).map((each) => each.name)}
          value={agent}
          onChange={setAgent}
          searchable
        />
        <TextInput
          size="xs"
          aria-label={t('people.label')}
          placeholder={t('people.label')}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
        />
        <Button size="xs" disabled={!agent} loading={making.isPending} onClick={() => making.mutate(undefined)}>
          {t('people.makeKey')}
        </Button>
        {secret && (
          <span className="row-gap">
            <span className="sub">{t('people.once')}</span>
            <Command text={secret} />
          </span>
        )}
      </div>
    </div>
  )
}

function Table({ keys }: { keys: KeyShown[] }) {
  const { t } = useTranslation()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('people.key')}</th>
            <th>{t('people.holder')}</th>
            <th>{t('people.label')}</th>
            <th>{t('people.channel')}</th>
            <th>{t('people.lastUsed')}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <Row key={key.id} each={key} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ each }: { each: KeyShown }) {
  const { t } = useTranslation()
  const revoking = useAct(
    () => answer(api.POST('/api/v1/keys/{key}/revoke', { params: { path: { key: each.id } }, body: { reason: '' } })),
    { said: () => t('people.revoked', { key: each.hint }), changes: ['keys'] },
  )
  return (
    <tr>
      <td>
        <Ltr mono title={each.id}>
          {each.hint}
        </Ltr>
      </td>
      <td>
        <Ltr>{each.holder}</Ltr>
      </td>
      <td className="sub">
        <bdi>{each.label}</bdi>
      </td>
      <td className="sub">{each.channel && <Ltr>{each.channel}</Ltr>}</td>
      <td className="sub">{each.seen_at ? <Moment at={each.seen_at} /> : t('people.never')}</td>
      <td className="end">
        {each.holds ? (
          <Button size="compact-xs" variant="light" color="red" loading={revoking.isPending} onClick={() => revoking.mutate(undefined)}>
            {t('people.revoke')}
          </Button>
        ) : (
          <span className="chip">{t('people.worthless')}</span>
        )}
      </td>
    </tr>
  )
}
