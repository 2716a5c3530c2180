import { Button, Select, TextInput } from '@mantine/core'
import { IconAlertTriangle, IconDownload, IconSearch, IconShieldCheck } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'

import { answer, api } from '../../api/client'
import { useFresh } from '../../api/live'
import type { LedgerShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { number, short } from '../../format'
import { Command, Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'
import { Moment } from '../../parts/Moment'
import { Page } from '../../parts/Page'
import { Proof } from '../../parts/Proof'
import { useSearchText } from '../../parts/useSearchText'

const PAGE = 50
const KINDS = [
  'run_started', 'decision_made', 'outcome_reported', 'run_ended', 'approval_answered', 'stop_changed', 'workflow_asked', 'release_made', 'release_activated',
  'release_withdrawn', 'payload_read', 'payloads_erased', 'ledger_key_changed', 'person_changed', 'key_changed', 'signed_in',
]

interface Line {
  no: number
  kind: string
  at: number
  by?: string
  agent?: string
  target?: string
  run_id?: string
  run?: string
}

/** The ledger: how far it is sealed, and every record with its proof. */
export function Audit() {
  const { t } = useTranslation()
  const ledger = useQuery({ queryKey: ['ledger'], refetchInterval: 5_000, queryFn: () => answer(api.GET('/api/v1/ledger')) })
  const [kind, setKind] = useSearchText('kind')
  const [find, setFind] = useSearchText('find')
  const mayRead = useMay('auditor', 'admin')
  return (
    <Page
      title={t('audit.title')}
      actions={
        mayRead && (
          <Button component="a" href="/api/v1/ledger/bundle" download size="xs" variant="default" leftSection={<IconDownload size={15} />}>
            {t('audit.export')}
          </Button>
        )
      }
    >
      <Loaded query={ledger} lines={2}>
        {(found) => <Ledger ledger={found} mayRead={mayRead} />}
      </Loaded>
      {mayRead ? (
        <>
          <div className="row-gap">
            <Select
              size="xs"
              aria-label={t('audit.kind')}
              placeholder={t('audit.everyKind')}
              data={KINDS.map((each) => ({ value: each, label: t(`records.${each}`) }))}
              value={kind || null}
              onChange={(value) => setKind(value ?? '')}
              clearable
              searchable
            />
            <Find key={find} find={find} setFind={setFind} />
          </div>
          <Records kind={kind} find={find} />
        </>
      ) : (
        <div className="card">
          <Empty title={t('audit.auditorsOnly')} />
        </div>
      )}
    </Page>
  )
}

/** Looked for once it is written: the server reads every record for it. */
function Find({ find, setFind }: { find: string; setFind: (text: string) => void }) {
  const { t } = useTranslation()
  return (
    <TextInput
      size="xs"
      w={300}
      aria-label={t('audit.find')}
      placeholder={t('audit.find')}
      leftSection={<IconSearch size={14} aria-hidden />}
      defaultValue={find}
      onBlur={(event) => setFind(event.currentTarget.value.trim())}
      onKeyDown={(event) => {
        if (event.key === 'Enter') setFind(event.currentTarget.value.trim())
      }}
    />
  )
}

function Ledger({ ledger, mayRead }: { ledger: LedgerShown; mayRead: boolean }) {
  const { t } = useTranslation()
  return (
    <div className="card facts">
      <div className="fact">
        <div className="k">{t('audit.records')}</div>
        <div className="v num">{number(ledger.records)}</div>
        <div className="s">{t('audit.sealed', { count: ledger.sealed, shown: number(ledger.sealed) })}</div>
      </div>
      <div className="fact">
        <div className="k">{t('audit.state')}</div>
        <div className="v">
          {ledger.alarm ? (
            <span className="verdict t-deny" style={{ fontSize: 14 }}>
              <IconAlertTriangle size={17} aria-hidden />
              {t('audit.alarm')}
            </span>
          ) : (
            <span className="verdict t-allow" style={{ fontSize: 14 }}>
              <IconShieldCheck size={17} aria-hidden />
              {t('audit.whole')}
            </span>
          )}
        </div>
        <div className="s">
          <bdi>{ledger.alarm || <Ltr mono>{ledger.origin}</Ltr>}</bdi>
        </div>
      </div>
      {mayRead && (
        <div className="fact" style={{ gridColumn: 'span 2' }}>
          <div className="k">{t('audit.offline')}</div>
          <Command text={`remit audit export bundle/ && remit audit verify bundle/ --key ${ledger.keys[0] ?? 'KEY'}`} />
        </div>
      )}
    </div>
  )
}

function Records({ kind, find }: { kind: string; find: string }) {
  const { t } = useTranslation()
  useFresh(['ledger'])
  const records = useInfiniteQuery({
    queryKey: ['records', 'kind', kind, find],
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/v1/records', { params: { query: { kind: (kind || undefined) as never, find, cursor: pageParam, limit: PAGE } } })),
    getNextPageParam: (last) => last.next,
  })
  return (
    <div className="card">
      <Loaded query={records} lines={8}>
        {({ pages }) => {
          const lines = pages.flatMap((page) => page.records as unknown as Line[])
          if (lines.length === 0 && !records.hasNextPage) return <Empty title={t(find ? 'audit.notFound' : 'audit.none')} />
          return (
            <>
              <div className="table-scroll">
                <table className="table">
                  <thead>
                    <tr>
                      <th className="end">{t('run.number')}</th>
                      <th>{t('run.record')}</th>
                      <th>{t('audit.who')}</th>
                      <th>{t('run.about')}</th>
                      <th>{t('runs.run')}</th>
                      <th>{t('run.proof')}</th>
                      <th className="end">{t('run.when')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {lines.map((line) => (
                      <Row key={line.no} line={line} />
                    ))}
                  </tbody>
                </table>
              </div>
              {records.hasNextPage && (
                <div style={{ display: 'grid', justifyItems: 'center', padding: 12 }}>
                  <Button size="xs" variant="default" loading={records.isFetchingNextPage} onClick={() => void records.fetchNextPage()}>
                    {pages.at(-1)?.partial ? t('audit.goOn') : t('run.more')}
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

function Row({ line }: { line: Line }) {
  const { t } = useTranslation()
  const run = line.run ?? line.run_id
  return (
    <tr>
      <td className="end num">{number(line.no)}</td>
      <td>{t(`records.${line.kind}`, line.kind)}</td>
      <td className="sub">
        <Ltr>{line.by ?? line.agent ?? ''}</Ltr>
      </td>
      <td>{line.target && <Ltr mono>{line.target}</Ltr>}</td>
      <td>
        {run && (
          <Link to="/runs/$run" params={{ run }}>
            <Ltr mono>{short(run)}</Ltr>
          </Link>
        )}
      </td>
      <td>
        <Proof no={line.no} />
      </td>
      <td className="end sub">
        <Moment at={line.at} />
      </td>
    </tr>
  )
}
