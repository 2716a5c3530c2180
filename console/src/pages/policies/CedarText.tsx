import { HighlightStyle, StreamLanguage, syntaxHighlighting } from '@codemirror/language'
import { EditorState } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
const WORDS = /^(permit|forbid|when|unless|if|then|else|in|is|has|like|true|false)\b/
const NAMES = /^(principal|action|resource|context)\b/

/** Colours only: what a policy means is for the server to say. */
const cedar = StreamLanguage.define({
  token(stream) {
    if (stream.eatSpace()) return null
    if (stream.match('//')) {
      stream.skipToEnd()
      return 'comment'
    }
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return 'string'
    if (stream.match(/^@\w+/)) return 'meta'
    if (stream.match(/^-?\d+/)) return 'number'
    if (stream.match(WORDS)) return 'keyword'
    if (stream.match(NAMES)) return 'variableName'
    if (stream.match(/^[A-Z]\w*(?=::)/)) return 'typeName'
    if (stream.match(/^\w+/)) return null
    stream.next()
    return null
  },
})

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--accent)', fontWeight: '600' },
  { tag: tags.string, color: 'var(--allow)' },
  { tag: tags.number, color: 'var(--mask)' },
  { tag: tags.meta, color: 'var(--hold)' },
  { tag: tags.comment, color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: tags.typeName, color: 'var(--mask)' },
  { tag: tags.variableName, color: 'var(--ink)', fontWeight: '600' },
])

/** A policy file with its syntax coloured. */
export function CedarText({ text, label }: { text: string; label: string }) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const view = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorView.lineWrapping,
          lineNumbers(),
          cedar,
          syntaxHighlighting(colours),
        ],
      }),
    })
    return () => view.destroy()
  }, [text, label])
  return <div ref={place} className="cedar" dir="ltr" />
}
