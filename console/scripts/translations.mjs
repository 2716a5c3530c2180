// Fails the build where a word is missing in a language, or is used and stands in neither.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('../src/', import.meta.url).pathname
const LANGUAGES = ['en', 'ar']
const faults = []

function words(language) {
  const found = new Map()
  const folder = join(root, 'locales', language)
  for (const file of readdirSync(folder).sort()) {
    walk(JSON.parse(readFileSync(join(folder, file), 'utf8')), file.replace('.json', ''), found)
  }
  return found
}

function walk(node, path, found) {
  for (const [key, value] of Object.entries(node)) {
    if (typeof value === 'string') found.set(`${path}.${key}`, value)
    else walk(value, `${path}.${key}`, found)
  }
}

const said = Object.fromEntries(LANGUAGES.map((language) => [language, words(language)]))
const forms = /_(zero|one|two|few|many|other)$/
const keys = Object.fromEntries(
  LANGUAGES.map((language) => [language, new Set([...said[language].keys()].map((key) => key.replace(forms, '')))]),
)
for (const [one, other] of [LANGUAGES, LANGUAGES.toReversed()]) {
  for (const key of keys[one]) if (!keys[other].has(key)) faults.push(`${key}: said in ${one}, missing in ${other}`)
}
for (const [key, value] of said.ar) {
  const plain = value.replace(/\{\{[^}]*\}\}|<[^>]*>/g, '')
  if (/[A-Za-z]{4,}/.test(plain) && !/[\u0600-\u06ff]/.test(plain)) faults.push(`${key}: not translated: ${value}`)
}
const holes = (text) => [...new Set([...text.matchAll(/\{\{(\w+)/g)].map((match) => match[1]))].sort().join(' ')
for (const [key, value] of said.en) {
  const arabic = said.ar.get(key)
  if (arabic !== undefined && holes(arabic) !== holes(value)) faults.push(`${key}: other values are filled in`)
}

const used = /\bt\(\s*'([a-z][\w.]*\.[\w.]+)'/g
for (const file of readdirSync(root, { recursive: true })) {
  if (!/\.tsx?$/.test(file)) continue
  for (const match of readFileSync(join(root, file), 'utf8').matchAll(used)) {
    if (!keys.en.has(match[1])) faults.push(`${file}: '${match[1]}' stands in no language`)
  }
}
if (faults.length) {
  console.error(faults.join('\n'))
  process.exit(1)
}
