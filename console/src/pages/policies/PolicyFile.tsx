import { Button, SegmentedControl } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

import type { Mistake } from '../../api/client'
import type { PolicyShown } from '../../api/schema'
import { useMay } from '../../api/session'
import { Ltr } from '../../parts/Ltr'
import { useSearchText } from '../../parts/useSearchText'
import { History } from './History'
import { Reach } from './Reach'

const CedarText = lazy(() => import('./CedarText'))

interface Props {
  file: PolicyShown
  release: string
  draft: string | undefined
  mistakes: Mistake[]
  write: (text: string) => void
}

/** One file: its text, which an author may write anew; what it was; and whom it reaches. */
export function PolicyFile({ file, release, draft, mistakes, write }: Props) {
  const { t } = useTranslation()
  const may = useMay('author')
  const [view, setView] = useSearchText('view')
  return (
    <div className="card policies-text">
      <div className="card-head">
        <h2>
          <Ltr mono>{file.path}</Ltr>
        </h2>
        <SegmentedControl
          size="xs"
          value={view}
          onChange={setView}
          data={[
            { value: '', label: t('policies.text') },
            { value: 'history', label: t('policies.history') },
            { value: 'reach', label: t('policies.reach') },
          ]}
        />
        {may && draft === undefined && view !== 'reach' && (
          <Button size="compact-sm" variant="default" style={{ marginInlineStart: 'auto' }} leftSection={<IconPencil size={14} />} onClick={() => write(file.text)}>
            {t('policies.edit')}
          </Button>
        )}
      </div>
      <div className="policies-body">
        {view === 'reach' ? (
          <Reach file={file} />
        ) : view === 'history' ? (
          <History file={file} release={release} draft={draft} write={write} />
        ) : (
          <Suspense fallback={null}>
            <CedarText text={draft ?? file.text} label={file.path} change={draft === undefined ? undefined : write} mistakes={mistakes} />
          </Suspense>
        )}
      </div>
    </div>
  )
}
