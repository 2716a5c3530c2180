import { useTranslation } from 'react-i18next'

import { type Look, NOT_BEGUN, RUN_LOOKS, STEP_LOOKS } from './states'

/** Where a run of a workflow stands. */
export function WorkflowState({ state, pill = false }: { state: string; pill?: boolean }) {
  const { t } = useTranslation()
  return <Word look={RUN_LOOKS[state] ?? NOT_BEGUN} said={t(`workflows.state.${state}`, state)} pill={pill} />
}

/** Where a step of it stands. */
export function StepState({ state, pill = false }: { state: string; pill?: boolean }) {
  const { t } = useTranslation()
  return <Word look={STEP_LOOKS[state] ?? NOT_BEGUN} said={t(`workflows.step.${state}`, state)} pill={pill} />
}

function Word({ look: { Icon, className }, said, pill }: { look: Look; said: string; pill: boolean }) {
  return (
    <span className={`verdict ${className}${pill ? ' pill' : ''}`}>
      <Icon size={14} stroke={2} aria-hidden />
      {said}
    </span>
  )
}
