import { ActionIcon, Button, Popover, TextInput } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconBookmark, IconTrash } from '@tabler/icons-react'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useSession } from '../../api/session'

type Filters = Record<string, string | undefined>
interface Saved {
  name: string
  search: Filters
}

const FEW = 20
const isSet = (search: Filters): boolean => Object.values(search).some(Boolean)

/** Filters by a name, kept in this browser; what they say stands in the address, so a link to them goes anywhere. */
export function SavedFilters() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { workspace } = useSession()
  const search = useSearch({ strict: false }) as Filters
  const [saved, setSaved] = useLocalStorage<Saved[]>({ key: `remit-runs-${workspace}`, defaultValue: [] })
  const [name, setName] = useState('')
  const keep = () => {
    setSaved([{ name: name.trim(), search }, ...saved.filter((each) => each.name !== name.trim())].slice(0, FEW))
    setName('')
  }
  return (
    <Popover position="bottom-start" width={290} shadow="md" trapFocus>
      <Popover.Target>
        <Button size="xs" variant="default" leftSection={<IconBookmark size={14} aria-hidden />}>
          {t('runs.saved')}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        {saved.length === 0 && <div className="sub">{t('runs.noneSaved')}</div>}
        {saved.map((each) => (
          <div key={each.name} className="saved-filter">
            <Button
              size="xs"
              variant="subtle"
              color="gray"
              justify="start"
              onClick={() => void navigate({ to: '/runs', search: each.search as never })}
            >
              <bdi>{each.name}</bdi>
            </Button>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('runs.forget', { name: each.name })}
              onClick={() => setSaved(saved.filter((other) => other.name !== each.name))}
            >
              <IconTrash size={15} />
            </ActionIcon>
          </div>
        ))}
        {isSet(search) && (
          <form
            className="saved-filter"
            onSubmit={(event) => {
              event.preventDefault()
              if (name.trim()) keep()
            }}
          >
            <TextInput
              size="xs"
              aria-label={t('runs.filterName')}
              placeholder={t('runs.filterName')}
              value={name}
              maxLength={60}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button type="submit" size="xs" disabled={!name.trim()}>
              {t('runs.save')}
            </Button>
          </form>
        )}
      </Popover.Dropdown>
    </Popover>
  )
}
