import { Button } from '@mantine/core'
import { useRouter } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { Empty } from '../parts/Empty'
import { Said } from '../parts/Said'

/** A page that could not be drawn. */
export function Failed({ error }: { error: unknown }) {
  const router = useRouter()
  return (
    <main className="page">
      <Said error={error instanceof Error ? error : new Error(String(error))} again={() => void router.invalidate()} />
    </main>
  )
}

/** An address that is no page. */
export function NotThere() {
  const { t } = useTranslation()
  return (
    <main className="page">
      <Empty title={t('frame.error.noPage')}>
        <Button component="a" href="/" variant="default" size="xs">
          {t('frame.error.home')}
        </Button>
      </Empty>
    </main>
  )
}
