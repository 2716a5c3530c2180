import { Link, useLocation } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { useSession } from '../api/session'
import { groupsFor } from './places'
import { useWaiting } from './waiting'

const HERE = { 'data-status': 'active', 'aria-current': 'page' } as const

/** The way to every page. */
export function Navigation() {
  const { t } = useTranslation()
  const waiting = useWaiting()
  const groups = groupsFor(useSession().roles)
  const { pathname } = useLocation()
  return (
    <nav className="side" aria-label={t('frame.navigation')}>
      <Link to="/" className="brand" aria-label="Remit">
        <img src="/mark.svg" alt="" />
        <span className="word">Remit</span>
      </Link>
      {groups.map((group) => (
        <div key={group.name} style={{ display: 'contents' }}>
          <div className="nav-group">{t(`frame.group.${group.name}`)}</div>
          {group.places.map(({ name, to, within, icon: Icon }) => (
            <Link key={name} to={to} className="nav" title={t(`frame.place.${name}`)} {...(within && pathname.startsWith(within) ? HERE : {})}>
              <Icon size={17} stroke={1.8} aria-hidden />
              <span className="word">{t(`frame.place.${name}`)}</span>
              {name === 'approvals' && waiting > 0 && <span className="count num">{waiting}</span>}
            </Link>
          ))}
        </div>
      ))}
    </nav>
  )
}
