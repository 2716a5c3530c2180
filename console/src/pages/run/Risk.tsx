import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import type { Step } from './steps'

/** What calling a tool does to the world, the weightiest last: the order in which the reference lists effects. */
const EFFECTS = ['read', 'write', 'send', 'pay', 'delete', 'admin']
const LOOKS = { none: '', low: '', medium: '', high: 't-hold' }

/** How much harm a run can have done, or has tried to do: the weightiest effect among its calls. */
export function Risk({ steps }: { steps: Step[] }) {
  const { t } = useTranslation()
  const tools = useQuery({ queryKey: ['tools'], queryFn: () => answerOr({ release: '', tools: [] }, api.GET('/api/v1/tools')) })
  const effects = new Map((tools.data?.tools ?? []).map((tool) => [tool.name, EFFECTS.indexOf(tool.effect)]))
  const weightiest = (isLetIn: boolean) =>
    Math.max(-1, ...steps.filter((step) => step.kind === 'tool' && (step.verdict === 'allow') === isLetIn).map((step) => effects.get(step.name) ?? -1))
  const done = weightiest(true)
  const tried = weightiest(false)
  const told = tried > done ? 'tried' : 'done'
  const most = Math.max(done, tried)
  const level = levelOf(most)
  return (
    <div className="fact" title={t('run.risk.told')}>
      <div className="k">{t('run.risk.title')}</div>
      <div className={`v ${LOOKS[level]}`}>{t(`run.risk.${level}`)}</div>
      {most >= 0 && <div className="s">{t(`run.risk.${told}`, { effect: t(`tools.effect.${EFFECTS[most]}`) })}</div>}
    </div>
  )
}

function levelOf(effect: number): keyof typeof LOOKS {
  if (effect < 0) return 'none'
  if (effect === 0) return 'low'
  return effect < EFFECTS.indexOf('pay') ? 'medium' : 'high'
}
