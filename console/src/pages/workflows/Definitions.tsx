import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import type { DefinedStep, WorkflowShown } from '../../api/schema'
import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { workflowsQuery } from './queries'

/** The workflows of the release in use. */
export function Definitions() {
  const { t } = useTranslation()
  const workflows = useQuery(workflowsQuery)
  return (
    <Loaded query={workflows}>
      {({ workflows: found }) =>
        found.length === 0 ? (
          <Empty title={t('workflows.none')} command="remit apply DIR">
            {t('workflows.first')}
          </Empty>
        ) : (
          <Table workflows={found} />
        )
      }
    </Loaded>
  )
}

function Table({ workflows }: { workflows: WorkflowShown[] }) {
  const { t } = useTranslation()
  return (
    <div className="table-scroll">
      <table className="table">
        <thead>
          <tr>
            <th>{t('workflows.workflow')}</th>
            <th>{t('workflows.agent')}</th>
            <th className="end">{t('workflows.steps')}</th>
            <th>{t('workflows.startsBy')}</th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((each) => (
            <tr key={each.name} data-link>
              <td className="prose">
                <Link to="/workflows/$workflow" params={{ workflow: each.name }}>
                  <Ltr mono>{each.name}</Ltr>
                </Link>
                <div className="sub">
                  <bdi>{each.description}</bdi>
                </div>
              </td>
              <td>
                <Ltr>{each.agent}</Ltr>
              </td>
              <td className="end num">{number(countOf(each.steps))}</td>
              <td>
                <span className="row-gap">
                  {[...each.schedules, ...each.triggers].map((start) => (
                    <span key={start} className="chip">
                      <Ltr mono>{start}</Ltr>
                    </span>
                  ))}
                  {each.schedules.length + each.triggers.length === 0 && <span className="quiet">{t('workflows.byPeople')}</span>}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Steps of a definition, those within others too. */
const countOf = (steps: DefinedStep[]): number =>
  steps.reduce((sum, step) => sum + 1 + Object.values(step.ways).reduce((inner, way) => inner + countOf(way), 0), 0)
