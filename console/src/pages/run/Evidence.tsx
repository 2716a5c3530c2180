import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { number, short } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Proof } from '../../parts/Proof'

const PAGE = 50

interface Line {
  no: number
  kind: string
  key?: string
  at: number
  action?: string
  target?: string
}

/** The records of a run, each with its proof that it is in the ledger, checked here in the page. */
export function Evidence({ run }: { run: string }) {
  const { t } = useTranslation()
  const records = useInfiniteQuery({
    queryKey: ['records', run],
    initialPageParam: '',
    queryFn: ({ pageParam }) => answer(api.GET('/api/v1/records', { params: { query: { run, cursor: pageParam, limit: PAGE } } })),
    getNextPageParam: (last) => last.next,
  })
  return (
    <div className="card">
      <Loaded query={records} lines={8}>
        {({ pages }) => {
          const lines = pages.flatMap((page) => page.records as unknown as Line[])
          if (lines.length === 0) return <Empty title={t('run.nothing')} />
          return (
            <>
              <div className="table-scroll">
                <table className="table">
                  <thead>
                    <tr>
                      <th className="end">{t('run.number')}</th>
                      <th>{t('run.record')}</th>
                      <th>{t('run.about')}</th>
                      <th>{t('run.proof')}</th>
                      <th className="end">{t('run.when')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {lines.map((line) => (
                      <tr key={line.no}>
                        <td className="end num">{number(line.no)}</td>
                        <td>{t(`records.${line.kind}`, line.kind)}</td>
                        <td>
                          <Ltr mono>{line.target ?? short(line.action ?? '')}</Ltr>
                        </td>
                        <td>
                          <Proof no={line.no} />
                        </td>
                        <td className="end sub">
                          <Moment at={line.at} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {records.hasNextPage && (
                <div style={{ display: 'grid', justifyItems: 'center', padding: 12 }}>
                  <Button size="xs" variant="default" loading={records.isFetchingNextPage} onClick={() => void records.fetchNextPage()}>
                    {t('run.more')}
                  </Button>
                </div>
              )}
            </>
          )
        }}
      </Loaded>
    </div>
  )
}
