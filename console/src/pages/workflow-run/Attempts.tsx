import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { number, usd } from '../../format'
import { language } from '../../i18n'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Verdict } from '../../parts/Verdict'

const FEW = 5

/** The actions of a step, the last first: each attempt, and each asking after a hold. */
export function Attempts({ actions }: { actions: string[] }) {
  const { t } = useTranslation()
  const [isWhole, show] = useState(false)
  const newest = actions.map((id, at) => ({ id, number: at + 1 })).reverse()
  return (
    <div className="section">
      <h3>{t('workflows.actions')}</h3>
      <ol className="attempts">
        {(isWhole ? newest : newest.slice(0, FEW)).map((each) => (
          <li key={each.id}>
            <Attempt {...each} />
          </li>
        ))}
      </ol>
      {!isWhole && newest.length > FEW && (
        <Button size="compact-xs" variant="default" onClick={() => show(true)}>
          {t('run.more')}
        </Button>
      )}
    </div>
  )
}

function Attempt({ id, number: at }: { id: string; number: number }) {
  const { t } = useTranslation()
  const action = useQuery({
    queryKey: ['action', id],
    refetchInterval: ({ state: { data } }) => (data && data.outcome === null && data.verdict === 'allow' ? 2_000 : false),
    queryFn: () => answer(api.GET('/api/v1/actions/{action}', { params: { path: { action: id }, query: { language: language() } } })),
  })
  return (
    <Loaded query={action} lines={1}>
      {(found) => {
        const spent = (found.outcome?.cost as { micros?: number } | null)?.micros
        return (
          <>
            <div className="row-gap">
              <span className="quiet num">{number(at)}</span>
              <Link to="/runs/$run" params={{ run: found.run }} search={{ step: id }} className="strong-link">
                <Ltr mono>{found.target}</Ltr>
              </Link>
              <Verdict word={found.verdict} />
              <span className="quiet end-of-row">
                <Moment at={found.at} />
              </span>
            </div>
            <div className="sub row-gap">
              <span>{found.outcome ? t(`run.status.${found.outcome.status}`) : t(`run.state.${found.state}`)}</span>
              {found.outcome?.error && <bdi>{found.outcome.error}</bdi>}
              {found.verdict !== 'allow' && found.words[0] && <bdi>{found.words[0]}</bdi>}
              {spent ? <Ltr>{usd(spent)}</Ltr> : null}
            </div>
          </>
        )
      }}
    </Loaded>
  )
}
