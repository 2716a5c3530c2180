import createClient, { type Middleware } from 'openapi-fetch'

import type { paths } from './schema'

/** What the server says when it refuses: RFC 9457, with a code, the field and a remedy. */
export interface Problem {
  status: number
  code: string
  detail: string
  field: string
  remedy: string
  problems: Mistake[]
}

/** One mistake in a file of a workspace. */
export interface Mistake {
  file: string
  line: number
  column: number
  field: string
  message: string
  remedy: string
  severity: string
}

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
  }
}

const session = { csrf: '' }

/** Remember the token that every changing request of this session carries. */
export function carry(csrf: string): void {
  session.csrf = csrf
}

const SAFE = ['GET', 'HEAD']

const carrying: Middleware = {
  onRequest({ request }) {
    if (SAFE.includes(request.method)) return undefined
    if (session.csrf) request.headers.set('X-CSRF-Token', session.csrf)
    // One for each act: the browser may send a request twice, and it is carried out once.
    if (!request.headers.has('Idempotency-Key')) request.headers.set('Idempotency-Key', crypto.randomUUID())
    return request
  },
}

export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' })
api.use(carrying)

interface Answered<T> {
  data?: T
  error?: unknown
  response: Response
}

/** Return what was answered, or throw what the server said against it. */
export async function answer<T>(asked: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asked
  if (response.ok) return data as T
  throw new Refused(problemOf(error, response.status))
}

/** As `answer`, for what a release holds: where none is active yet, there is nothing of it. */
export async function answerOr<T>(none: NoInfer<T>, asked: Promise<Answered<T>>): Promise<T> {
  return (await asked).response.status === 404 ? none : answer(asked)
}

function problemOf(error: unknown, status: number): Problem {
  const said = typeof error === 'object' && error !== null ? (error as Partial<Problem>) : {}
  return {
    status,
    code: said.code ?? 'unknown',
    detail: said.detail ?? `HTTP ${status}`,
    field: said.field ?? '',
    remedy: said.remedy ?? '',
    problems: said.problems ?? [],
  }
}
