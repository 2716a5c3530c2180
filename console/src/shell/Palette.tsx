import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight'
import { IconRobot, IconRoute, IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, answerOr, api } from '../api/client'
import { useSession } from '../api/session'
import { groupsFor } from './places'

const ID = /^(run_|act_|apr_)\w+$/

/** ⌘K: every page, every agent, and whatever id is pasted. */
export function Palette() {
  const { t } = useTranslation()
  const router = useRouter()
  const [asked, setAsked] = useState('')
  const go = (to: string) => void router.navigate({ to })
  const agents = useQuery({ queryKey: ['agents'], queryFn: () => answerOr({ release: '', agents: [] }, api.GET('/api/v1/agents')), enabled: asked !== '' })
  const places: SpotlightActionData[] = groupsFor(useSession().roles).flatMap((group) =>
    group.places.map(({ name, to, icon: Icon }) => ({
      id: name,
      label: t(`frame.place.${name}`),
      leftSection: <Icon size={17} aria-hidden />,
      onClick: () => go(to),
    })),
  )
  const found: SpotlightActionData[] = (agents.data?.agents ?? []).map((agent) => ({
    id: `agent ${agent.name}`,
    label: agent.name,
    description: agent.purpose,
    leftSection: <IconRobot size={17} aria-hidden />,
    onClick: () => go(`/agents/${encodeURIComponent(agent.name)}`),
  }))
  const pasted = asked.trim()
  const direct: SpotlightActionData[] = ID.test(pasted)
    ? [
        {
          id: 'direct',
          label: pasted,
          keywords: pasted,
          leftSection: <IconRoute size={17} aria-hidden />,
          onClick: () => void open(pasted, go),
        },
      ]
    : []
  const groups: SpotlightActionGroupData[] = [
    { group: t('frame.palette.open'), actions: direct },
    { group: t('frame.palette.pages'), actions: places },
    { group: t('frame.palette.agents'), actions: found },
  ]
  return (
    <Spotlight
      actions={groups.filter((group) => group.actions.length > 0)}
      lockScroll={false} // the page within the frame scrolls, not the document
      query={asked}
      onQueryChange={setAsked}
      nothingFound={t('frame.palette.nothing')}
      shortcut={['mod + K', '/']}
      searchProps={{ leftSection: <IconSearch size={17} aria-hidden />, placeholder: t('frame.search'), 'aria-label': t('frame.search') }}
    />
  )
}

/** Open what an id names: an action and an approval are looked at in their run. */
async function open(id: string, go: (to: string) => void): Promise<void> {
  if (id.startsWith('run_')) return go(`/runs/${id}`)
  if (id.startsWith('apr_')) return go(`/approvals?id=${id}`)
  const action = await answer(api.GET('/api/v1/actions/{action}', { params: { path: { action: id } } }))
  go(`/runs/${action.run}?step=${id}`)
}
