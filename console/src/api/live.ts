import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'

/** One record as it was committed; what it may say is in docs/reference/api.md. */
export interface LiveEvent {
  no: number
  at: number
  kind: string
  run?: string | null
  agent?: string | null
  action?: string
  target?: string
  verdict?: string
  state?: string
  approval?: string
}

type Heard = (event: LiveEvent) => void

const KINDS = [
  'run_started', 'decision_made', 'outcome_reported', 'run_ended', 'approval_answered', 'approval_escalated', 'approval_expired',
  'approval_edited', 'question_asked', 'question_answered', 'stop_changed', 'workflow_asked', 'release_made', 'release_proposed',
  'release_activated', 'release_withdrawn',
]

/** The stream of this page, shared by all who listen. The browser reconnects by itself; `useCaughtUp` asks for what was missed. */
class Stream {
  private source: EventSource | null = null
  private readonly listeners = new Set<Heard>()
  private readonly watchers = new Set<() => void>()
  private open = false

  readonly isOpen = (): boolean => this.open

  readonly watch = (changed: () => void): (() => void) => {
    this.watchers.add(changed)
    return () => this.watchers.delete(changed)
  }

  listen(heard: Heard): () => void {
    this.listeners.add(heard)
    this.start()
    return () => {
      this.listeners.delete(heard)
    }
  }

  private start(): void {
    if (this.source !== null) return
    const source = new EventSource('/api/v1/events')
    source.onopen = () => this.turn(true)
    source.onerror = () => {
      this.turn(false)
      if (source.readyState !== EventSource.CLOSED) return
      this.source = null // refused: the server was restarting, or the session is over
      window.setTimeout(() => this.start(), 2_000)
    }
    for (const kind of KINDS) {
      source.addEventListener(kind, (message: MessageEvent<string>) => {
        const event = JSON.parse(message.data) as LiveEvent
        for (const heard of this.listeners) heard(event)
      })
    }
    this.source = source
  }

  private turn(open: boolean): void {
    if (this.open === open) return
    this.open = open
    for (const changed of this.watchers) changed()
  }
}

const stream = new Stream()

/** Whether events arrive. */
export const useIsLive = (): boolean => useSyncExternalStore(stream.watch, stream.isOpen)

/** Ask again for everything on the page when the stream comes back: a stream that begins anew tells nothing of before. */
export function useCaughtUp(): void {
  const client = useQueryClient()
  useEffect(() => {
    let lost = false
    return stream.watch(() => {
      if (stream.isOpen() && lost) void client.invalidateQueries()
      lost = !stream.isOpen()
    })
  }, [client])
}

/** Hear every event while the component is there. `heard` must be stable. */
export function useEvents(heard: Heard): void {
  useEffect(() => stream.listen(heard), [heard])
}

const GATHER_MS = 250

/** Ask again for what an event has changed: at most four times a second, however many arrive. */
export function useFresh(keys: readonly string[], concerns: (event: LiveEvent) => boolean = () => true): void {
  const client = useQueryClient()
  const [gathered] = useState(() => ({ timer: 0 }))
  const key = keys.join(' ') // compared by what it says: callers write the list in place
  useEffect(() => {
    const stop = stream.listen((event) => {
      if (gathered.timer !== 0 || !concerns(event)) return
      gathered.timer = window.setTimeout(() => {
        gathered.timer = 0
        for (const each of key.split(' ')) void client.invalidateQueries({ queryKey: [each] })
      }, GATHER_MS)
    })
    return () => {
      stop()
      window.clearTimeout(gathered.timer)
      gathered.timer = 0
    }
    // `concerns` is asked as it was when the component came: it reads nothing that changes.
  }, [client, key])
}

/** The time now in microseconds, once a second: for what is counted down. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now() * 1_000)
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now() * 1_000), everyMs)
    return () => window.clearInterval(timer)
  }, [everyMs])
  return now
}
