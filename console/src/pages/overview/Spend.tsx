import { Skeleton } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import type { BudgetShown, OverviewShown } from '../../api/schema'
import { percent, time, usd } from '../../format'
import { Ltr } from '../../parts/Ltr'
import './overview.css'
import { courseOf, type Course } from './course'

const SpendChart = lazy(() => import('./SpendChart').then(({ SpendChart: chart }) => ({ default: chart })))

/** What was spent, where it leads, and what the workspace may spend. */
export function Spend({ overview }: { overview: OverviewShown }) {
  const { t } = useTranslation()
  const course = courseOf(overview)
  return (
    <section className="card w8 overview-own">
      <div className="card-head overview-spend">
        <h2>{course.isToday ? t('overview.spendToday') : t('overview.spendDay')}</h2>
        <span className="overview-sum num">
          <Ltr>{usd(course.spent)}</Ltr>
        </span>
        {overview.budget && <Against budget={overview.budget} />}
      </div>
      <div className="overview-chart" aria-hidden>
        <Suspense fallback={<Skeleton height={230} radius="sm" />}>
          <SpendChart course={course} />
        </Suspense>
      </div>
      <AsTable course={course} />
    </section>
  )
}

function Against({ budget }: { budget: BudgetShown }) {
  const { t } = useTranslation()
  const isOver = budget.forecast !== null && budget.forecast > budget.amount
  return (
    <>
      {budget.forecast !== null && (
        <span className={isOver ? 't-deny' : 'sub'}>
          {t(`overview.leads.${budget.window}`, { amount: usd(budget.forecast) })}
        </span>
      )}
      <span className="sub">
        {t(`overview.limit.${budget.window}`, {
          amount: usd(budget.amount),
          share: percent((budget.spent + budget.reserved) / Math.max(1, budget.amount)),
        })}
      </span>
    </>
  )
}

/** The chart's figures for whoever does not see it. */
function AsTable({ course }: { course: Course }) {
  const { t } = useTranslation()
  return (
    <table className="overview-unseen">
      <caption>{course.isToday ? t('overview.spendToday') : t('overview.spendDay')}</caption>
      <thead>
        <tr>
          <th>{t('overview.time')}</th>
          <th>{t('overview.cost')}</th>
        </tr>
      </thead>
      <tbody>
        {course.points.map((point) => (
          <tr key={`${point.at} ${point.spent}`}>
            <td>{time(point.at)}</td>
            <td>
              <Ltr>{usd(point.spent ?? point.forecast ?? 0)}</Ltr>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
