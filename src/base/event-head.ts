// The common first members of events about the server and about services (docs/reference/system-account.md, "Events of
// connections").

import { randomBytes } from 'node:crypto'
import { goTime } from './go-format.ts'

const ID_LENGTH = 22
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A text that nothing else has. */
export function randomText(): string {
  return [...randomBytes(ID_LENGTH)].map((byte) => DIGITS[byte % DIGITS.length]).join('')
}

type EventHead = { readonly [member in 'type' | 'id' | 'timestamp']: string }

/** What it is (`advisory.v1.…`, `metric.v1.…`), an id of its own, and when it happened (milliseconds since 1970). */
export function eventHead(type: string, atMs: number): EventHead {
  return headOf(`io.nats.server.${type}`, atMs)
}

/** The same of an event about streams and consumers. */
export function streamEventHead(type: string, atMs: number): EventHead {
  return headOf(`io.nats.jetstream.${type}`, atMs)
}

function headOf(type: string, atMs: number): EventHead {
  return { type, id: randomText(), timestamp: goTime(atMs) }
}
