import type { Icon } from '@tabler/icons-react'
import { IconActivity, IconInbox } from '@tabler/icons-react'

export interface Place {
  name: string
  to: string
  icon: Icon
}

/** The pages that navigation and palette know, in their groups. */
export const GROUPS: { name: string; places: Place[] }[] = [
  {
    name: 'operate',
    places: [
      { name: 'runs', to: '/runs', icon: IconActivity },
      { name: 'approvals', to: '/approvals', icon: IconInbox },
    ],
  },
]
