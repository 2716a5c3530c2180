import { Button, MultiSelect, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { PersonShown } from '../../api/schema'
import { type Role, useMay } from '../../api/session'
import { useAct } from '../../parts/act'
import { Command } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { Keys } from './Keys'

const ROLES: Role[] = ['viewer', 'operator', 'approver', 'author', 'auditor', 'admin']

/** Who may do what in this workspace, and the keys of its agents. */
export function People() {
  const { t } = useTranslation()
  const may = useMay('admin')
  const people = useQuery({ queryKey: ['people'], queryFn: () => answer(api.GET('/api/v1/people')), enabled: may })
  return (
    <Page title={t('people.title')}>
      <div className="grid">
        {may && (
          <section className="card w8">
            <div className="card-head">
              <h2>{t('people.people')}</h2>
            </div>
            <Loaded query={people}>{({ people: found }) => <Table people={found} />}</Loaded>
          </section>
        )}
        {may && (
          <section className="card w4">
            <div className="card-head">
              <h2>{t('people.add')}</h2>
            </div>
            <Add />
          </section>
        )}
        <section className="card w12">
          <div className="card-head">
            <h2>{t('people.keys')}</h2>
          </div>
          <Keys />
        </section>
      </div>
    </Page>
  )
}

function Table({ people }: { people: PersonShown[] }) {
  const { t } = useTranslation()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('people.person')}</th>
            <th>{t('people.roles')}</th>
            <th>{t('people.added')}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <Row key={person.id} person={person} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ person }: { person: PersonShown }) {
  const { t } = useTranslation()
  const isOut = person.disabled_at !== null
  const given = { params: { path: { person: person.id } }, body: { reason: '' } }
  const turning = useAct(
    () => answer(isOut ? api.POST('/api/v1/people/{person}/enable', given) : api.POST('/api/v1/people/{person}/disable', given)),
    { said: () => t(isOut ? 'people.letIn' : 'people.letOut', { who: person.id }), changes: ['people'] },
  )
  return (
    <tr>
      <td>
        <div style={{ fontWeight: 550 }}>
          <bdi>{person.name || person.id}</bdi>
        </div>
        <div className="sub">
          <Ltr>{person.id}</Ltr>
        </div>
      </td>
      <td>
        <span className="row-gap">
          {person.roles.map((role) => (
            <span key={role} className="chip">
              {t(`frame.role.${role}`)}
            </span>
          ))}
          {isOut && <span className="chip t-deny">{t('people.out')}</span>}
        </span>
      </td>
      <td className="sub">
        <Moment at={person.created_at} />
      </td>
      <td className="end">
        <Button size="compact-xs" variant="default" loading={turning.isPending} onClick={() => turning.mutate(undefined)}>
          {t(isOut ? 'people.enable' : 'people.disable')}
        </Button>
      </td>
    </tr>
  )
}

function Add() {
  const { t } = useTranslation()
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [roles, setRoles] = useState<string[]>(['viewer'])
  const [link, setLink] = useState('')
  const adding = useAct(
    async () => {
      const person = `user:${id.replace(/^user:/, '')}`
      await answer(api.POST('/api/v1/people', { body: { id: person, name, roles: roles as Role[] } }))
      return answer(api.POST('/api/v1/people/{person}/sign-in-link', { params: { path: { person } } }))
    },
    {
      said: (made) => t('people.isAdded', { who: made.person }),
      changes: ['people'],
      then: (made) => {
        setId('')
        setName('')
        setLink(made.secret ? `${window.location.origin}/sign-in#${made.secret}` : '')
      },
    },
  )
  return (
    <form
      style={{ padding: 16 }}
      onSubmit={(event) => {
        event.preventDefault()
        adding.mutate(undefined)
      }}
    >
      <Stack gap="sm">
        <TextInput size="xs" label={t('people.id')} value={id} onChange={(event) => setId(event.currentTarget.value)} required withAsterisk={false} />
        <TextInput size="xs" label={t('people.name')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <MultiSelect
          size="xs"
          label={t('people.roles')}
          data={ROLES.map((role) => ({ value: role, label: t(`frame.role.${role}`) }))}
          value={roles}
          onChange={setRoles}
        />
        <Button type="submit" size="xs" loading={adding.isPending} disabled={!id}>
          {t('people.addThem')}
        </Button>
        {link && (
          <div className="note">
            <div style={{ minWidth: 0 }}>
              <div style={{ marginBottom: 6 }}>{t('people.link')}</div>
              <Command text={link} />
            </div>
          </div>
        )}
      </Stack>
    </form>
  )
}
