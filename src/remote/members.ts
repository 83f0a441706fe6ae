// JSON of other servers, taken member by member, each with its type: nothing of a peer is used as it came.

const SPACE = 0x20

export type Members = Readonly<Record<string, unknown>>

/** The members of a JSON object; undefined if the text is none. */
export function membersOf(json: string): Members | undefined {
  try {
    const parsed: unknown = JSON.parse(json)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Members) : undefined
  } catch {
    return undefined
  }
}

/** Empty where it is no text. */
export function textOf(members: Members, name: string): string {
  const value = members[name]
  return typeof value === 'string' ? value.toWellFormed() : ''
}

/** Whether a text may stand in a line as one name: nothing in it parts names, or ends the line. */
export function isWord(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) <= SPACE) return false
  return true
}

/** 0 where it is no safe integer. */
export function numberOf(members: Members, name: string): number {
  const value = members[name]
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0
}

/** The texts of a list, `most` at most. */
export function textsOf(value: unknown, most: number): string[] {
  if (!Array.isArray(value)) return []
  return value.filter((each): each is string => typeof each === 'string').slice(0, most)
}

/** Subjects of permissions, and so many of them at most. */
const SUBJECTS_MAX = 4096

export interface SubjectLists {
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
}

/** Permissions, as INFO has them; undefined: there are none. */
export function subjectListsOf(value: unknown): SubjectLists | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { allow, deny } = value as Members
  return {
    ...(Array.isArray(allow) ? { allow: textsOf(allow, SUBJECTS_MAX) } : {}),
    ...(Array.isArray(deny) ? { deny: textsOf(deny, SUBJECTS_MAX) } : {}),
  }
}
