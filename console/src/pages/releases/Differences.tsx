import { useComputedColorScheme } from '@mantine/core'
import { unifiedMergeView } from '@codemirror/merge'
import { useQuery } from '@tanstack/react-query'
import { EditorState } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { Empty } from '../../parts/Empty'
import { filesQuery } from '../../parts/files'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''

/** The files that differ from the release before, as text. */
export default function Differences({ release, before }: { release: string; before: string | undefined }) {
  const { t } = useTranslation()
  const files = useQuery(filesQuery(release))
  const earlier = useQuery({ ...filesQuery(before ?? ''), enabled: before !== undefined })
  return (
    <Loaded query={files}>
      {(found) => {
        if (before !== undefined && earlier.data === undefined) return null
        const old = earlier.data ?? {}
        const names = [...new Set([...Object.keys(found), ...Object.keys(old)])].sort().filter((name) => found[name] !== old[name])
        if (names.length === 0) return <Empty title={t('releases.same')} />
        return (
          <div style={{ display: 'grid', gap: 14, padding: 16 }}>
            {names.map((name) => (
              <div key={name}>
                <div className="row-gap" style={{ marginBottom: 6 }}>
                  <Ltr mono>{name}</Ltr>
                  <span className="chip" hidden={before === undefined}>
                    {!(name in old) ? t('releases.new') : !(name in found) ? t('releases.gone') : t('releases.changed')}
                  </span>
                </div>
                <Difference name={name} old={before === undefined ? found[name] : (old[name] ?? '')} text={found[name] ?? ''} />
              </div>
            ))}
          </div>
        )
      }}
    </Loaded>
  )
}

function Difference({ name, old, text }: { name: string; old: string; text: string }) {
  const place = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  useEffect(() => {
    const view = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.theme({}, { dark: scheme === 'dark' }),
          EditorView.contentAttributes.of({ 'aria-label': name }),
          EditorView.lineWrapping,
          lineNumbers(),
          unifiedMergeView({ original: old, mergeControls: false, collapseUnchanged: old === text ? undefined : { margin: 3, minSize: 6 } }),
        ],
      }),
    })
    return () => view.destroy()
  }, [name, old, text, scheme])
  return <div ref={place} className="difference" dir="ltr" />
}
