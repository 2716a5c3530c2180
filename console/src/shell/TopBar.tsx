import { ActionIcon, Avatar, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme, VisuallyHidden } from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import { IconCheck, IconLanguage, IconLogout, IconMoon, IconSearch, IconSun } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useIsLive } from '../api/live'
import { signOut, useSession } from '../api/session'
import { chooseZone, zone, ZONES } from '../format'
import { language, speak } from '../i18n'
import { Ltr } from '../parts/Ltr'
import { StopButton } from './StopButton'

/** Search, whether this page is live, language, theme, the stop, and who has signed in. */
export function TopBar() {
  const { t } = useTranslation()
  const session = useSession()
  const isLive = useIsLive()
  const scheme = useComputedColorScheme('light')
  const { setColorScheme } = useMantineColorScheme()
  const other = language() === 'ar' ? 'en' : 'ar'
  return (
    <header className="top">
      <button className="search" type="button" onClick={spotlight.open}>
        <IconSearch size={15} aria-hidden />
        <span className="truncate">{t('frame.search')}</span>
        <span style={{ marginInlineStart: 'auto' }} className="kbd">
          <Ltr>⌘K</Ltr>
        </span>
      </button>
      <div style={{ flex: 1 }} className="wide" />
      <span className="live" data-on={isLive} role="status">
        <i aria-hidden />
        <span className="word">{isLive ? t('frame.live') : t('frame.notLive')}</span>
      </span>
      <span className="chip wide" title={t('frame.workspace')}>
        <Ltr>{session.workspace}</Ltr>
      </span>
      <Tooltip label={other === 'ar' ? 'العربية' : 'English'}>
        <ActionIcon variant="subtle" color="gray" aria-label={other === 'ar' ? 'العربية' : 'English'} onClick={() => speak(other)}>
          <IconLanguage size={18} />
        </ActionIcon>
      </Tooltip>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={scheme === 'dark' ? t('frame.light') : t('frame.dark')}
        onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
      >
        {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
      <StopButton />
      <Person name={session.name || session.person.replace('user:', '')} id={session.person} roles={session.roles} />
    </header>
  )
}

function Person({ name, id, roles }: { name: string; id: string; roles: string[] }) {
  const { t } = useTranslation()
  const [chosen, setChosen] = useState(zone())
  return (
    <Menu position="bottom-end" width={250} shadow="md">
      <Menu.Target>
        <button type="button" style={{ border: 0, background: 'none', padding: 0, cursor: 'pointer', borderRadius: 99 }}>
          <Avatar size={28} radius="xl" color="brand" name={name} />
          <VisuallyHidden>{t('frame.account')}</VisuallyHidden>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Ltr>{id}</Ltr>
          <div>{roles.map((role) => t(`frame.role.${role}`)).join(' · ')}</div>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Label>{t('frame.zone')}</Menu.Label>
        {ZONES.map((each) => (
          <Menu.Item
            key={each}
            leftSection={<IconCheck size={14} visibility={each === chosen ? 'visible' : 'hidden'} aria-hidden />}
            onClick={() => {
              chooseZone(each)
              setChosen(each)
              window.location.reload()
            }}
          >
            <Ltr>{each}</Ltr>
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={14} aria-hidden />} onClick={() => void signOut()}>
          {t('frame.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
