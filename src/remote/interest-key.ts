// The keys by which interest is told apart.

/** Between the parts of a key. It ends a line, so no name that came in one has it; a byte of zero is in some. */
export const BETWEEN = '\r'

/** `origin`: the cluster of the leaf node that has it; undefined: it is no leaf node’s. All are byte strings. */
export function interestKey(account: string, subject: string, queue: string, origin: string | undefined): string {
  return [origin === undefined ? '' : `+${origin}`, account, subject, queue].join(BETWEEN)
}
