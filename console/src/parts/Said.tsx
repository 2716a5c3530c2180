import { Button } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'

import { Refused } from '../api/client'

interface Props {
  error: Error
  again?: () => void
}

/** What went wrong, in the server's own words, with what to do. */
export function Said({ error, again }: Props) {
  const { t } = useTranslation()
  const refused = error instanceof Refused ? error.problem : null
  return (
    <div className="note bad" role="alert">
      <IconAlertTriangle size={17} color="var(--deny)" aria-hidden style={{ flex: 'none', marginTop: 1 }} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <div style={{ fontWeight: 550 }}>
          <bdi>{refused ? refused.detail : t('frame.error.unreachable')}</bdi>
        </div>
        {refused?.remedy && (
          <div className="sub">
            <bdi>{refused.remedy}</bdi>
          </div>
        )}
      </div>
      {again && (
        <Button size="compact-xs" variant="default" onClick={again}>
          {t('frame.error.again')}
        </Button>
      )}
    </div>
  )
}
