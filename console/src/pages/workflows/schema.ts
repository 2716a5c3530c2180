import type { Problem } from '../../api/client'

export type Schema = Record<string, unknown>

/** One thing to fill in. `path` is where it stands in what is sent: `supplier.name`. */
export interface Field {
  path: string
  name: string
  kind: 'text' | 'date' | 'number' | 'boolean' | 'choice' | 'json' | 'group'
  isRequired: boolean
  says: string
  choices: string[]
  /** What it begins as. */
  begins: string
  fields: Field[]
  schema: Schema
}

/** Filled-in fields by path; those of a switch are `true` or empty. */
export type Filled = Record<string, string>

/** A mistake: `required`, `number`, `json`, or what the server said. */
export type Mistakes = Record<string, string>

/** How deep objects are drawn as fields; deeper ones are JSON. */
const DEEPEST = 3

/** The fields of an input schema. What it says beyond these kinds, the server checks. */
export function fieldsOf(schema: Schema, before = '', depth = 0): Field[] {
  const required = listOf(schema.required)
  return Object.entries(objectOf(schema.properties)).map(([name, given]) => {
    const inner = objectOf(given)
    const path = before === '' ? name : `${before}.${name}`
    const kind = kindOf(inner, depth)
    return {
      path,
      name,
      kind,
      isRequired: required.includes(name),
      says: [inner.title, inner.description].filter((said) => typeof said === 'string').join(' · '),
      choices: kind === 'choice' ? (inner.enum as unknown[]).map(textOf) : [],
      begins: inner.default === undefined ? '' : kind === 'boolean' ? (inner.default === true ? 'true' : '') : textOf(inner.default),
      fields: kind === 'group' ? fieldsOf(inner, path, depth + 1) : [],
      schema: inner,
    }
  })
}

function kindOf(schema: Schema, depth: number): Field['kind'] {
  if (Array.isArray(schema.enum)) return 'choice'
  if (schema.type === 'string') return schema.format === 'date' ? 'date' : 'text'
  if (schema.type === 'number' || schema.type === 'integer') return 'number'
  if (schema.type === 'boolean') return 'boolean'
  const isKnown = Object.keys(objectOf(schema.properties)).length > 0
  return schema.type === 'object' && isKnown && depth < DEEPEST ? 'group' : 'json'
}

/** What the fields begin as. */
export const beginning = (fields: Field[]): Filled =>
  Object.assign({}, ...fields.map((field) => (field.kind === 'group' ? beginning(field.fields) : { [field.path]: field.begins }))) as Filled

/** Put together what is sent, and say which fields can not be. What is left empty and need not be there is left out. */
export function gathered(fields: Field[], filled: Filled): { inputs: Record<string, unknown>; mistakes: Mistakes } {
  const inputs: Record<string, unknown> = {}
  const mistakes: Mistakes = {}
  for (const field of fields) {
    if (field.kind === 'group') {
      if (!field.isRequired && isEmpty(field, filled)) continue
      const inner = gathered(field.fields, filled)
      inputs[field.name] = inner.inputs
      Object.assign(mistakes, inner.mistakes)
      continue
    }
    const text = filled[field.path] ?? ''
    if (text.trim() === '' && field.kind !== 'boolean') {
      if (field.isRequired) mistakes[field.path] = 'required'
      continue
    }
    try {
      inputs[field.name] = valueOf(field, text)
    } catch (error) {
      mistakes[field.path] = (error as Error).message
    }
  }
  return { inputs, mistakes }
}

const isEmpty = (field: Field, filled: Filled): boolean =>
  field.kind === 'group' ? field.fields.every((inner) => isEmpty(inner, filled)) : (filled[field.path] ?? '').trim() === ''

/** The value of a field. Throws which mistake it is. */
function valueOf(field: Field, text: string): unknown {
  switch (field.kind) {
    case 'boolean':
      return text === 'true'
    case 'number': {
      const value = Number(text)
      if (!Number.isFinite(value)) throw new Error('number')
      if (field.schema.type === 'integer' && !Number.isInteger(value)) throw new Error('integer')
      return value
    }
    case 'choice':
      return (field.schema.enum as unknown[]).find((each) => textOf(each) === text)
    case 'json':
      return parsed(text, field.schema)
    default:
      return text
  }
}

function parsed(text: string, schema: Schema): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('json')
  }
  if (schema.type === 'array' && !Array.isArray(value)) throw new Error('list')
  if (schema.type === 'object' && (typeof value !== 'object' || value === null || Array.isArray(value))) throw new Error('object')
  return value
}

/** What the server said against inputs, at the field it is about, or else under the empty name. */
export function refused(problem: Problem, fields: Field[]): Mistakes {
  const paths = flat(fields).map((field) => field.path)
  const found: Mistakes = {}
  for (const { field, message } of problem.problems) {
    const missing = /^required (\S+)/.exec(message)?.[1] ?? ''
    const place = [field === 'inputs' ? '' : field, missing].filter(Boolean).join('.')
    const near = paths.filter((path) => place === path || place.startsWith(`${path}.`)).sort((one, other) => other.length - one.length)[0]
    if (near) found[near] = missing && near === place ? 'required' : message
    else found[''] = [found[''], place && `${place}: ${message}`, !place && message].filter(Boolean).join('; ')
  }
  return found
}

const flat = (fields: Field[]): Field[] => fields.flatMap((field) => [field, ...flat(field.fields)])

const objectOf = (value: unknown): Schema => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {})
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
