// Filters: cover and overlap. Not for the hot path: used when a configuration is read, and for new subscriptions,
// imports and permissions.
//
//     covers(a.*, a.b)   overlap(a.*, *.b)   intersection(a.*, *.b) = a.b

/**
 * Whether a configuration may name this subject or filter: its tokens are not empty and hold no space, and `>` is alone
 * only as the last. The protocol accepts more (subject.ts).
 */
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
export function covers(outer: string, inner: string): boolean {
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
export function overlap(a: string, b: string): boolean {
  const left = a.split('.')
  const right = b.split('.')
  for (let i = 0; ; i++) {
    if (i >= left.length || i >= right.length) return left.length === right.length
    if (left[i] === '>' || right[i] === '>') return true
    if (left[i] !== '*' && right[i] !== '*' && left[i] !== right[i]) return false
  }
}

/** The filter that matches just what both match; undefined if nothing is. `a.*` and `*.b` have `a.b` in common. */
export function intersection(a: string, b: string): string | undefined {
  const tokensA = a.split('.')
  const tokensB = b.split('.')
  const common: string[] = []
  for (let i = 0; ; i++) {
    const [tokenA, tokenB] = [tokensA[i], tokensB[i]]
    if (tokenA === undefined && tokenB === undefined) return common.join('.')
    if (tokenA === undefined || tokenB === undefined) return undefined
    // `>` matches one token or more: the rest of the other one.
    if (tokenA === '>') return [...common, ...tokensB.slice(i)].join('.')
    if (tokenB === '>') return [...common, ...tokensA.slice(i)].join('.')
    if (tokenA !== tokenB && tokenA !== '*' && tokenB !== '*') return undefined
    common.push(tokenA === '*' ? tokenB : tokenA)
  }
}
