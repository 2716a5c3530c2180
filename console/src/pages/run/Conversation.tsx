import { Button } from '@mantine/core'
import { IconEye, IconLock, IconSparkles, IconTool, IconUser } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import type { TurnShown } from '../../api/schema'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Verdict } from '../../parts/Verdict'
import { Said } from './Payload'

/** What the agent was told, asked for and was given back, in order. Opening it is put on record, so it is asked for. */
export function Conversation({ run, choose }: { run: string; choose: (step: string) => void }) {
  const { t } = useTranslation()
  const [isOpen, open] = useState(false)
  if (isOpen) return <Opened run={run} choose={choose} />
  return (
    <div className="card empty fill">
      <IconLock size={22} className="quiet" aria-hidden />
      <h2>{t('run.conversationSealed')}</h2>
      <div className="sub">{t('run.isSealed')}</div>
      <Button size="xs" leftSection={<IconEye size={15} />} onClick={() => open(true)}>
        {t('run.openConversation')}
      </Button>
    </div>
  )
}

function Opened({ run, choose }: { run: string; choose: (step: string) => void }) {
  const { t } = useTranslation()
  const turns = useInfiniteQuery({
    queryKey: ['conversation', run],
    staleTime: Infinity, // each reading is put on record
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/v1/runs/{run}/conversation', { params: { path: { run }, query: { cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
  })
  return (
    <div className="card conversation fill">
      <Loaded query={turns} lines={8}>
        {({ pages }) => (
          <>
            <article className="turn">
              <IconUser size={17} aria-hidden className="quiet" />
              <div className="turn-body">
                <div className="turn-head sub">{t('run.task')}</div>
                {pages[0].withheld ? (
                  <div className="sub">{t(`run.taskIs.${pages[0].withheld}`)}</div>
                ) : (
                  <div className="turn-task">
                    <bdi>{pages[0].task}</bdi>
                  </div>
                )}
              </div>
            </article>
            {pages.flatMap((page) => page.turns).map((turn) => (
              <Turn key={turn.action} turn={turn} choose={choose} />
            ))}
            {turns.hasNextPage && (
              <div style={{ display: 'grid', justifyItems: 'center', padding: 12 }}>
                <Button size="xs" variant="default" loading={turns.isFetchingNextPage} onClick={() => void turns.fetchNextPage()}>
                  {t('run.more')}
                </Button>
              </div>
            )}
          </>
        )}
      </Loaded>
    </div>
  )
}

function Turn({ turn, choose }: { turn: TurnShown; choose: (step: string) => void }) {
  const Icon = turn.kind === 'model' ? IconSparkles : IconTool
  return (
    <article className="turn">
      <Icon size={17} aria-hidden className={turn.verdict === 'deny' ? 't-deny' : turn.verdict === 'hold' ? 't-hold' : 'quiet'} />
      <div className="turn-body">
        <div className="turn-head">
          <button type="button" className="plain" onClick={() => choose(turn.action)}>
            <Ltr mono>{turn.target}</Ltr>
          </button>
          <Verdict word={turn.verdict} />
          <span className="quiet" style={{ marginInlineStart: 'auto' }}>
            <Moment at={turn.at} />
          </span>
        </div>
        <Said said={turn} />
      </div>
    </article>
  )
}
