import { Button, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconLoader, IconRocket } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { PlanShown } from '../../api/schema'
import { number } from '../../format'
import { useAct } from '../../parts/act'
import { Changes } from '../../parts/Changes'
import { Ltr } from '../../parts/Ltr'
import { Said } from '../../parts/Said'
import type { Drafts, Planned } from './plan'

const CHANGES = ['policies', 'releases', 'agents', 'tools', 'budgets']

/** What a draft would change, and whether it can be made a release: mistakes by line, changes in words, its tests. */
export function Draft({ drafts, plan, clear }: { drafts: Drafts; plan: Planned; clear: () => void }) {
  const { t } = useTranslation()
  const [message, setMessage] = useState('')
  const failed = plan.plan?.tests.filter((test) => !test.passed) ?? []
  const making = useAct(
    () =>
      answer(
        api.POST('/api/v1/releases', {
          body: { files: plan.files, channel: 'production', message, only: [], expect: [], expected: plan.plan?.release ?? '' },
        }),
      ),
    {
      said: (made) => (made.active_on.includes('production') ? t('releases.activated') : t('releases.isProposed')),
      changes: CHANGES,
      then: clear,
    },
  )
  return (
    <section className="card draft" aria-label={t('policies.draft')}>
      <div className="card-head">
        <h2>{t('policies.draftOf', { count: Object.keys(drafts).length, shown: number(Object.keys(drafts).length) })}</h2>
        <span style={{ marginInlineStart: 'auto' }} aria-live="polite">
          <Stand plan={plan} />
        </span>
      </div>
      {plan.error && <Said error={plan.error} />}
      {plan.mistakes.length > 0 && (
        <ul className="mistakes">
          {plan.mistakes.map((each) => (
            <li key={`${each.file} ${each.line} ${each.column} ${each.message}`}>
              <Ltr mono>
                {each.file}:{each.line}:{each.column}
              </Ltr>
              <bdi>{[each.message, each.remedy].filter(Boolean).join('. ')}</bdi>
            </li>
          ))}
        </ul>
      )}
      {plan.plan && <Tests plan={plan.plan} />}
      {plan.plan && <Changes changes={plan.plan.changes} />}
      <form
        className="draft-acts"
        onSubmit={(event) => {
          event.preventDefault()
          making.mutate(undefined)
        }}
      >
        <TextInput
          size="xs"
          style={{ flex: '1 1 180px' }}
          aria-label={t('policies.message')}
          placeholder={t('policies.message')}
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
        />
        <Button
          type="submit"
          size="xs"
          leftSection={<IconRocket size={15} />}
          disabled={!plan.isReady || failed.length > 0 || plan.plan?.is_active || message.trim() === ''}
          loading={making.isPending}
        >
          {t('policies.make')}
        </Button>
        <Button size="xs" variant="default" onClick={clear}>
          {t('policies.discard')}
        </Button>
      </form>
    </section>
  )
}

function Stand({ plan }: { plan: Planned }) {
  const { t } = useTranslation()
  if (plan.mistakes.length > 0) {
    return (
      <span className="verdict t-deny">
        <IconAlertTriangle size={15} aria-hidden />
        {t('policies.mistakes', { count: plan.mistakes.length, shown: number(plan.mistakes.length) })}
      </span>
    )
  }
  if (!plan.isReady) return <IconLoader size={15} className="quiet" aria-label={t('frame.loading')} />
  return (
    <span className="verdict t-allow">
      <IconCircleCheck size={15} aria-hidden />
      {t('policies.valid')}
    </span>
  )
}

function Tests({ plan }: { plan: PlanShown }) {
  const { t } = useTranslation()
  const failed = plan.tests.filter((test) => !test.passed)
  if (plan.tests.length === 0) return null
  return (
    <div className="section">
      <span className={`verdict ${failed.length > 0 ? 't-deny' : 't-allow'}`}>
        {failed.length > 0 ? <IconAlertTriangle size={15} aria-hidden /> : <IconCircleCheck size={15} aria-hidden />}
        {t('policies.tests', { passed: number(plan.tests.length - failed.length), all: number(plan.tests.length) })}
      </span>
      {failed.map((test) => (
        <div key={test.name} className="sub" style={{ marginTop: 4 }}>
          <bdi>{test.name}</bdi> <Ltr mono>{`${test.file}:${test.line}`}</Ltr>
          {test.misses.map((miss) => (
            <div key={miss}>
              <bdi>{miss}</bdi>
            </div>
          ))}
        </div>
      ))}
    </div>
  )
}
