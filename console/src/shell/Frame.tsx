import { Outlet } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { useCaughtUp } from '../api/live'
import { FreezeBanner } from './FreezeBanner'
import { Navigation } from './Navigation'
import { Palette } from './Palette'
import { TopBar } from './TopBar'

/** What stands around every page. */
export function Frame() {
  const { t } = useTranslation()
  useCaughtUp()
  return (
    <div className="frame">
      <FreezeBanner />
      <Navigation />
      <TopBar />
      <main className="page" id="page" aria-label={t('frame.page')}>
        <Outlet />
      </main>
      <Palette />
    </div>
  )
}
