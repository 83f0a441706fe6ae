// How long a message is to live, as its header `Nats-TTL` says: whole seconds, a span in Go's form, or `never`.

import { parseDuration } from '../base/duration.ts'
import { DIGITS } from '../text/scan.ts'

const MS_PER_S = 1000
/** Not even by the age of the stream. */
export const NEVER_EXPIRES = -1

/** Seconds, 0 where the header is empty; NEVER_EXPIRES; undefined: it is none. A span, of a second at least, is cut. */
export function readTtl(text: string): number | undefined {
  if (text.toLowerCase() === 'never') return NEVER_EXPIRES
  if (text !== '0' && DIGITS.isAll(text)) {
    const seconds = Number(text)
    return Number.isSafeInteger(seconds) ? seconds : undefined
  }
  const span = parseDuration(text)
  return 'ms' in span && span.ms >= MS_PER_S ? Math.floor(span.ms / MS_PER_S) : undefined
}
