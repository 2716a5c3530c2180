import { Button } from '@mantine/core'
import { IconAlertTriangle, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { ScheduleShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { useAct } from '../../parts/act'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { schedulesQuery } from './queries'

/** What starts by itself and when; of one workflow, or of all. */
export function Schedules({ of = '' }: { of?: string }) {
  const { t } = useTranslation()
  const schedules = useQuery(schedulesQuery)
  return (
    <Loaded query={schedules}>
      {({ schedules: every }) => {
        const found = every.filter((each) => of === '' || each.workflow === of)
        if (found.length === 0) return <Empty title={t('workflows.noSchedule')}>{t('workflows.firstSchedule')}</Empty>
        return (
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  {of === '' && <th>{t('workflows.workflow')}</th>}
                  <th>{t('workflows.times')}</th>
                  <th>{t('workflows.next')}</th>
                  <th>{t('workflows.last')}</th>
                  <th>{t('workflows.missed')}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {found.map((each) => (
                  <Row key={each.id} schedule={each} isNamed={of === ''} />
                ))}
              </tbody>
            </table>
          </div>
        )
      }}
    </Loaded>
  )
}

function Row({ schedule, isNamed }: { schedule: ScheduleShown; isNamed: boolean }) {
  const { t } = useTranslation()
  return (
    <tr>
      {isNamed && (
        <td>
          <Link to="/workflows/$workflow" params={{ workflow: schedule.workflow }}>
            <Ltr mono>{schedule.workflow}</Ltr>
          </Link>
        </td>
      )}
      <td>
        <Ltr mono>{schedule.cron}</Ltr>
        <div className="quiet">
          <Ltr>{schedule.timezone}</Ltr>
        </div>
        {schedule.problem && (
          <div className="t-deny row-gap">
            <IconAlertTriangle size={14} aria-hidden />
            <bdi>{schedule.problem}</bdi>
          </div>
        )}
      </td>
      <td>
        {schedule.next_at !== null && <Moment at={schedule.next_at} isAhead />}
        {schedule.paused_at !== null && <span className="chip t-hold">{t('workflows.paused')}</span>}
        {schedule.paused_by && (
          <div className="quiet">
            <bdi>{schedule.paused_by}</bdi>
          </div>
        )}
      </td>
      <td className="sub">{schedule.last_at === null ? <span className="quiet">–</span> : <Moment at={schedule.last_at} />}</td>
      <td className="sub">{t(`workflows.whenMissed.${schedule.missed}`, schedule.missed)}</td>
      <td className="end">
        <Acts schedule={schedule} />
      </td>
    </tr>
  )
}

function Acts({ schedule }: { schedule: ScheduleShown }) {
  const { t } = useTranslation()
  const may = useMay('operator', 'admin')
  const isPaused = schedule.paused_at !== null
  const params = { path: { schedule: schedule.id } }
  const turn = useAct(
    () =>
      answer(
        isPaused
          ? api.POST('/api/v1/workflow-schedules/{schedule}/resume', { params, body: { reason: '' } })
          : api.POST('/api/v1/workflow-schedules/{schedule}/pause', { params, body: { reason: '' } }),
      ),
    { said: (made) => (made.paused_at === null ? t('workflows.resumed') : t('workflows.isPaused')), changes: ['workflow-schedules'] },
  )
  if (!may) return null
  const Sign = isPaused ? IconPlayerPlay : IconPlayerPause
  return (
    <Button size="compact-sm" variant="default" leftSection={<Sign size={14} aria-hidden />} loading={turn.isPending} onClick={() => turn.mutate(undefined)}>
      {isPaused ? t('workflows.resume') : t('workflows.pause')}
    </Button>
  )
}
