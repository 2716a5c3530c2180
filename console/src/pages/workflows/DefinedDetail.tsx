import { CloseButton } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import type { DefinedStep } from '../../api/schema'
import { duration, number, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'

/** A step as it is defined. */
export function DefinedDetail({ step, close }: { step: DefinedStep; close: () => void }) {
  const { t } = useTranslation()
  return (
    <section className="card" aria-label={step.id}>
      <div className="card-head">
        <h2>
          <Ltr mono>{step.id}</Ltr>
        </h2>
        <CloseButton size="sm" style={{ marginInlineStart: 'auto' }} aria-label={t('workflows.close')} onClick={close} />
      </div>
      <div className="section">
        <DefinedPairs step={step} />
      </div>
    </section>
  )
}

/** What a definition says of a step. */
export function DefinedPairs({ step }: { step: DefinedStep }) {
  const { t } = useTranslation()
  const said: [string, ReactNode][] = [
    [t('workflows.does'), t(`workflows.kind.${step.kind}`)],
    [t('workflows.of'), step.of && <Ltr mono>{step.of}</Ltr>],
    [t('workflows.when'), step.when && <Ltr mono>{step.when}</Ltr>],
    [t('workflows.attempts'), step.attempts > 1 && number(step.attempts)],
    [t('workflows.timeout'), step.timeout_s !== null && <Ltr>{duration(step.timeout_s * 1_000_000)}</Ltr>],
    [t('workflows.budget'), step.budget_micros !== null && <Ltr>{usd(step.budget_micros)}</Ltr>],
    [t('workflows.undo'), step.compensate && <Ltr mono>{step.compensate}</Ltr>],
  ]
  return (
    <dl className="pairs">
      {said
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}
