import './workflows.css'

import { SegmentedControl } from '@mantine/core'
import { useTranslation } from 'react-i18next'

import { Page } from '../../parts/Page'
import { useSearchText } from '../../parts/useSearchText'
import { Definitions } from './Definitions'
import { RunFilters, WorkflowRuns } from './WorkflowRuns'
import { Schedules } from './Schedules'

/** Work of many steps: what goes on, what there is, and what starts by itself. */
export function Workflows() {
  const { t } = useTranslation()
  const [view, setView] = useSearchText('view')
  return (
    <Page
      title={t('workflows.title')}
      beside={
        <SegmentedControl
          size="xs"
          value={view}
          onChange={setView}
          data={[
            { value: '', label: t('workflows.runs') },
            { value: 'definitions', label: t('workflows.definitions') },
            { value: 'schedules', label: t('workflows.schedules') },
          ]}
        />
      }
    >
      {view === '' && <RunFilters />}
      <div className="card">{view === 'definitions' ? <Definitions /> : view === 'schedules' ? <Schedules /> : <WorkflowRuns />}</div>
    </Page>
  )
}
