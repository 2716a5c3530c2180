import type { Icon } from '@tabler/icons-react'
import {
  IconActivity,
  IconCoins,
  IconFileCertificate,
  IconInbox,
  IconLayoutDashboard,
  IconRobot,
  IconRocket,
  IconServerCog,
  IconShieldCheck,
  IconSitemap,
  IconSparkles,
  IconTool,
  IconUsers,
} from '@tabler/icons-react'

import type { Role } from '../api/session'

export interface Place {
  name: string
  to: string
  /** Where pages of the same place begin otherwise. */
  within?: string
  icon: Icon
  /** Who finds something there; everybody where it is left out. */
  roles?: Role[]
}

/** The pages that navigation and palette know, in their groups. */
export const GROUPS: { name: string; places: Place[] }[] = [
  {
    name: 'operate',
    places: [
      { name: 'overview', to: '/overview', icon: IconLayoutDashboard },
      { name: 'runs', to: '/runs', icon: IconActivity },
      { name: 'workflows', to: '/workflows', within: '/workflow-runs/', icon: IconSitemap },
      { name: 'approvals', to: '/approvals', icon: IconInbox },
    ],
  },
  {
    name: 'govern',
    places: [
      { name: 'agents', to: '/agents', icon: IconRobot },
      { name: 'tools', to: '/tools', icon: IconTool },
      { name: 'models', to: '/models', icon: IconSparkles },
      { name: 'policies', to: '/policies', icon: IconShieldCheck },
      { name: 'budgets', to: '/budgets', icon: IconCoins },
      { name: 'releases', to: '/releases', icon: IconRocket },
    ],
  },
  {
    name: 'manage',
    places: [
      { name: 'audit', to: '/audit', icon: IconFileCertificate, roles: ['auditor', 'admin'] },
      { name: 'people', to: '/people', icon: IconUsers, roles: ['admin'] },
      { name: 'server', to: '/server', icon: IconServerCog, roles: ['admin', 'operator'] },
    ],
  },
]

/** The groups a person finds something in. */
export const groupsFor = (held: string[]) =>
  GROUPS.map((group) => ({
    ...group,
    places: group.places.filter((place) => place.roles === undefined || place.roles.some((role) => held.includes(role))),
  })).filter((group) => group.places.length > 0)
