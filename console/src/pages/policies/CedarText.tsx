import { useComputedColorScheme } from '@mantine/core'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint'
import { unifiedMergeView } from '@codemirror/merge'
import { EditorState, type Extension } from '@codemirror/state'
import { EditorView, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef } from 'react'

import type { Mistake } from '../../api/client'

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

interface Props {
  text: string
  label: string
  /** Told of each change; without it the text can only be read. */
  change?: (text: string) => void
  mistakes?: Mistake[]
  /** An earlier text that this one is compared with. */
  earlier?: string
  /** What the button says that takes a part of the earlier text over. */
  takeOver?: string
}

/** A policy file with its syntax coloured; written in, with its mistakes underlined; or beside what it was. */
export default function CedarText({ text, label, change, mistakes = NONE, earlier, takeOver = '' }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const changed = useRef(change)
  changed.current = change
  const isWritten = change !== undefined
  const scheme = useComputedColorScheme('light')
  useEffect(() => {
    const made = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          ...looks(label, scheme === 'dark'),
          ...(isWritten ? writing((now) => changed.current?.(now)) : reading),
          ...(earlier === undefined ? [] : [comparing(earlier, isWritten ? takeOver : '')]),
        ],
      }),
    })
    view.current = made
    return () => made.destroy()
    // `text` is what the editor begins with; from then on it is the editor that tells what it holds.
  }, [label, isWritten, earlier, takeOver, scheme])
  useEffect(() => {
    const { current } = view
    if (current !== null && current.state.doc.toString() !== text) {
      current.dispatch({ changes: { from: 0, to: current.state.doc.length, insert: text } })
    }
  }, [text])
  useEffect(() => {
    const { current } = view
    if (current !== null) current.dispatch(setDiagnostics(current.state, mistakes.map((each) => marked(each, current.state))))
  }, [mistakes])
  return <div ref={place} className="cedar" dir="ltr" />
}

const NONE: Mistake[] = []

const looks = (label: string, dark: boolean): Extension[] => [
  EditorView.cspNonce.of(nonce),
  EditorView.theme({}, { dark }),
  EditorView.contentAttributes.of({ 'aria-label': label }),
  EditorView.lineWrapping,
  lineNumbers(),
  cedar,
  syntaxHighlighting(colours),
]

const reading: Extension[] = [EditorState.readOnly.of(true), EditorView.editable.of(false)]

/**
 * Type over a selection ourselves: a browser that does it keeps the look of what was there in a style of the element's
 * own, which the page's policy refuses.
 */
const typedOver = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    if (event.inputType !== 'insertText' || event.data === null || view.composing || view.state.selection.main.empty) return false
    event.preventDefault()
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true })
    return true
  },
})

const writing = (tell: (text: string) => void): Extension[] => [
  typedOver,
  history(),
  lintGutter(),
  keymap.of([...defaultKeymap, ...historyKeymap]), // Tab leaves the editor: WCAG 2.1.2
  EditorView.updateListener.of((update) => {
    if (update.docChanged) tell(update.state.doc.toString())
  }),
]

function comparing(earlier: string, takeOver: string): Extension {
  return unifiedMergeView({
    original: earlier,
    mergeControls: takeOver === '' ? false : (type, action) => control(type, takeOver, action),
    collapseUnchanged: { margin: 3, minSize: 6 },
  })
}

/** Only one of the two buttons is of use here: to take the earlier part over. What is new stands already. */
function control(type: 'reject' | 'accept', label: string, action: (event: MouseEvent) => void): HTMLElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = label
  button.hidden = type === 'accept'
  button.className = 'take-over'
  button.onmousedown = action
  return button
}

function marked(mistake: Mistake, state: EditorState): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(1, mistake.line), state.doc.lines))
  const from = Math.min(line.to, line.from + Math.max(0, mistake.column - 1))
  const to = Math.max(from, line.from + line.text.trimEnd().length)
  const severity = mistake.severity === 'warning' ? 'warning' : 'error'
  return { from, to, severity, message: [mistake.message, mistake.remedy].filter(Boolean).join('. ') }
}
