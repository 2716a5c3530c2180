// Whether a record is in the ledger, worked out in the page from the record's own bytes: RFC 9162, section 2.1.3.2, C2SP
// tlog-checkpoint and signed-note. The keys come from the server as well: whoever wants to trust nobody verifies an export
// with a key they were handed (`remit audit verify`).
import type { ProofShown } from '../api/schema'

const MAX_ENTRY_BYTES = 65_535
const ED25519 = 1
const KEY_ID_BYTES = 4

/** The bytes of all of these after one another. */
function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let place = 0
  for (const part of parts) {
    whole.set(part, place)
    place += part.length
  }
  return whole
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const bytes = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
const hex = (raw: Uint8Array): string => [...raw].map((each) => each.toString(16).padStart(2, '0')).join('')
const same = (one: Uint8Array, other: Uint8Array): boolean => hex(one) === hex(other)
const sha256 = async (raw: Uint8Array<ArrayBuffer>): Promise<Uint8Array> => new Uint8Array(await crypto.subtle.digest('SHA-256', raw))

const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(joined(new Uint8Array([1]), left, right))

/** A record that is too long for a bundle is sealed as a line that names its length and digest. */
async function leafOf(record: string, no: number): Promise<Uint8Array> {
  let entry = utf8(record)
  if (entry.length > MAX_ENTRY_BYTES) {
    const digest = hex(await sha256(joined(entry)))
    entry = utf8(`{"no":${no},"record_bytes":${entry.length},"record_sha256":"${digest}","v":1}`)
  }
  return sha256(joined(new Uint8Array([0]), entry))
}

async function includes(leaf: Uint8Array, index: number, size: number, path: Uint8Array[], root: Uint8Array): Promise<boolean> {
  if (index < 0 || index >= size) return false
  let node = index
  let last = size - 1
  let found = leaf
  const half = (value: number) => Math.floor(value / 2) // sizes may exceed what a shift can hold
  for (const sibling of path) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      found = await nodeHash(sibling, found)
      while (node > 0 && node % 2 === 0) [node, last] = [half(node), half(last)]
    } else {
      found = await nodeHash(found, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && same(found, root)
}

/** Whether one of the keys has signed the note. */
async function signed(note: string, keys: string): Promise<boolean> {
  const end = note.lastIndexOf('\n\n')
  if (end < 0) return false
  const text = utf8(note.slice(0, end + 1))
  for (const line of note.slice(end + 2).split('\n')) {
    const [dash, name, encoded] = line.split(' ')
    if (dash !== '—' || !encoded) continue
    const signature = bytes(encoded)
    for (const key of keys.split(/\s+/).filter(Boolean)) {
      const [owner, , ...rest] = key.split('+')
      const raw = bytes(rest.join('+'))
      if (owner !== name || raw[0] !== ED25519) continue
      const id = (await sha256(joined(utf8(`${owner}\n`), raw))).slice(0, KEY_ID_BYTES)
      if (!same(id, signature.slice(0, KEY_ID_BYTES))) continue
      const known = await crypto.subtle.importKey('raw', joined(raw.slice(1)), 'Ed25519', false, ['verify'])
      if (await crypto.subtle.verify('Ed25519', known, joined(signature.slice(KEY_ID_BYTES)), joined(text))) return true
    }
  }
  return false
}

/** Whether the record stands where the proof says, under a checkpoint that one of the keys has signed. */
export async function proven(proof: ProofShown, keys: string): Promise<boolean> {
  const [, size, root] = proof.checkpoint.split('\n')
  const isThere = await includes(await leafOf(proof.record, proof.no), proof.no - 1, Number(size), proof.path.map(bytes), bytes(root))
  return isThere && (await signed(proof.checkpoint, keys))
}
