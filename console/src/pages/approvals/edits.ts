import type { ApprovalDetailShown, ArgumentShown } from '../../api/schema'

/** What somebody has written in the place of arguments, by their names. */
export type Edits = Record<string, string>

/** An argument's value as one edits it: text as it is, everything else as JSON. */
export const written = (argument: ArgumentShown): string =>
  typeof argument.value === 'string' ? argument.value : JSON.stringify(argument.value)

/** The arguments with the edits in them, or null where an edit is not of the kind the argument was. */
export function edited(detail: ApprovalDetailShown, edits: Edits): Record<string, unknown> | null {
  const made: Record<string, unknown> = {}
  for (const argument of detail.arguments) {
    const text = edits[argument.name]
    if (text === undefined || typeof argument.value === 'string') {
      made[argument.name] = text ?? argument.value
      continue
    }
    try {
      made[argument.name] = JSON.parse(text)
    } catch {
      return null
    }
  }
  return made
}
