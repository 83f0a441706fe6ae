// Subjects as a configuration names them. Unlike those on the wire (src/subjects/subject.ts) they are text, and no
// space may stand in them.

/** Tokens that are not empty and hold no space; `>` alone only as the last. */
export function isValidSubject(subject: string): boolean {
  const tokens = subject.split('.')
  return tokens.every(
    (token, i) => token !== '' && !/[\t\n\f\r ]/.test(token) && (token !== '>' || i === tokens.length - 1),
  )
}

export function hasWildcard(subject: string): boolean {
  return subject.split('.').some((token) => token === '*' || token === '>')
}

/** A subject that can be published to. */
export function isPublishSubject(subject: string): boolean {
  return isValidSubject(subject) && !hasWildcard(subject)
}

/** Whether all that `inner` matches is matched by `outer` too. */
export function isSubset(inner: string, outer: string): boolean {
  const some = inner.split('.')
  const all = outer.split('.')
  for (const [i, token] of all.entries()) {
    if (token === '>') return some.length > i
    if (i >= some.length || some[i] === '>') return false
    if (token !== '*' && token !== some[i]) return false
  }
  return some.length === all.length
}

/** Whether some subject is matched by both. */
export function collide(a: string, b: string): boolean {
  const left = a.split('.')
  const right = b.split('.')
  for (let i = 0; ; i++) {
    if (i >= left.length || i >= right.length) return left.length === right.length
    if (left[i] === '>' || right[i] === '>') return true
    if (left[i] !== '*' && right[i] !== '*' && left[i] !== right[i]) return false
  }
}
