import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { PolicyShown } from '../../api/schema'
import { day, number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Verdict } from '../../parts/Verdict'

export const reachQuery = {
  queryKey: ['policies', 'reach'],
  staleTime: 30_000,
  queryFn: () => answer(api.GET('/api/v1/policies/reach')),
}

/** Which agents and actions a file's policies had a say over lately, each with the newest of those actions. */
export function Reach({ file }: { file: PolicyShown }) {
  const { t } = useTranslation()
  const reach = useQuery(reachQuery)
  const ids = new Set(file.statements.map((statement) => statement.id))
  return (
    <Loaded query={reach}>
      {(found) => {
        const touched = found.touched.filter((each) => ids.has(each.policy))
        const since = t('policies.since', { shown: number(found.decisions), day: day(found.since) })
        if (touched.length === 0) return <Empty title={t('policies.untouched')}>{since}</Empty>
        return (
          <>
            <div className="section sub">{since}</div>
            <div className="table-scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>{t('policies.policy')}</th>
                    <th>{t('agents.agent')}</th>
                    <th>{t('run.about')}</th>
                    <th>{t('run.verdict')}</th>
                    <th className="end">{t('policies.times')}</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {touched.map((each) => (
                    <tr key={`${each.policy} ${each.agent} ${each.target} ${each.verdict}`}>
                      <td>
                        <Ltr>{each.policy}</Ltr>
                      </td>
                      <td>
                        <Link to="/agents/$agent" params={{ agent: each.agent }}>
                          <Ltr>{each.agent}</Ltr>
                        </Link>
                      </td>
                      <td>
                        <Ltr mono>{each.target}</Ltr>
                      </td>
                      <td>
                        <Verdict word={each.verdict} />
                      </td>
                      <td className="end num">{number(each.count)}</td>
                      <td className="end">
                        <Link to="/runs/$run" params={{ run: each.run }} search={{ step: each.action }}>
                          {t('policies.newest')}
                        </Link>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )
      }}
    </Loaded>
  )
}
