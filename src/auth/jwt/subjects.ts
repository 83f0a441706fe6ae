// Validity of subjects in tokens. It is wider than in the server (subjects/subject.ts): such subjects are accepted
// here, and match nothing later.

import { SubjectSet } from '../subject-set.ts'

/** Not empty, nor any part of it, and without blanks. */
export function isSubject(subject: string): boolean {
  return !subject.includes(' ') && subject.split('.').every((token) => token !== '')
}

/** Whether one of several subjects is within another, in time by their number: each is looked up in a tree of all. */
export function isOneWithinAnother(subjects: readonly string[]): boolean {
  if (new Set(subjects).size < subjects.length) return true
  const tree = new SubjectSet()
  for (const [i, subject] of subjects.entries()) tree.add(subject, String(i))
  return subjects.some((subject) => tree.find(subject, 'literal').queues.length > 1)
}

/** Whether all that the one subject covers is covered by the other. */
export function isWithin(subject: string, other: string): boolean {
  const tokens = subject.split('.')
  const others = other.split('.')
  if (tokens.length < others.length || (tokens.length > others.length && others.at(-1) !== '>')) return false
  return others.every((token, i) => (i === others.length - 1 && token === '>') || token === '*' || token === tokens[i])
}
