import type { Icon } from '@tabler/icons-react'
import {
  IconArrowsSplit2,
  IconClock,
  IconColumns3,
  IconList,
  IconRepeat,
  IconRobot,
  IconSitemap,
  IconSparkles,
  IconTool,
  IconUserCheck,
} from '@tabler/icons-react'

/** The sign of each kind of step. */
export const KIND_ICONS: Record<string, Icon> = {
  tool: IconTool,
  model: IconSparkles,
  agent: IconRobot,
  approval: IconUserCheck,
  workflow: IconSitemap,
  wait: IconClock,
  map: IconList,
  loop: IconRepeat,
  branch: IconArrowsSplit2,
  parallel: IconColumns3,
}
