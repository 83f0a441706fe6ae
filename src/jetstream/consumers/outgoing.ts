// A stored message on its way to a client, and what it counts for.

import type { StoredMessage } from '../storage/store.ts'

export interface Outgoing {
  readonly message: StoredMessage
  /** Byte string. */
  readonly reply: string
  /** In the place of its own; undefined: those. */
  readonly headers: Buffer | undefined
  readonly hasPayload: boolean
}

/** What it counts for: as much of it as does not depend on who gets it. */
export function sizeOf({ hasPayload, headers, message, reply }: Outgoing): number {
  const { subjectStart, headersStart, payloadStart, end } = message
  const headerSize = headers === undefined ? payloadStart - headersStart : headers.length
  return headersStart - subjectStart + reply.length + headerSize + (hasPayload ? end - payloadStart : 0)
}
