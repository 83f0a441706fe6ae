// The headers by which messages and streams talk about storing, and how header blocks are read and changed. Names count
// in their letter case, values without the blanks around them; of several headers of one name, the first counts.

import { HEADERS_VERSION, headersIn } from '../protocol/headers.ts'

/** Bytes of a header block that is stored. */
export const HEADERS_MAX = 65_535

export const Header = {
  batchCommit: 'Nats-Batch-Commit',
  batchId: 'Nats-Batch-Id',
  batchSequence: 'Nats-Batch-Sequence',
  counterSources: 'Nats-Counter-Sources',
  expectedLastId: 'Nats-Expected-Last-Msg-Id',
  expectedLastSequence: 'Nats-Expected-Last-Sequence',
  expectedLastSubjectSequence: 'Nats-Expected-Last-Subject-Sequence',
  expectedLastSubject: 'Nats-Expected-Last-Subject-Sequence-Subject',
  expectedStream: 'Nats-Expected-Stream',
  increment: 'Nats-Incr',
  kvOperation: 'KV-Operation',
  lastSequence: 'Nats-Last-Sequence',
  markerReason: 'Nats-Marker-Reason',
  messageId: 'Nats-Msg-Id',
  messageSize: 'Nats-Msg-Size',
  pendingMessages: 'Nats-Num-Pending',
  requestInfo: 'Nats-Request-Info',
  requiredLevel: 'Nats-Required-Api-Level',
  rollup: 'Nats-Rollup',
  schedule: 'Nats-Schedule',
  scheduleNext: 'Nats-Schedule-Next',
  scheduleRollup: 'Nats-Schedule-Rollup',
  scheduleSource: 'Nats-Schedule-Source',
  scheduleTarget: 'Nats-Schedule-Target',
  scheduleTtl: 'Nats-Schedule-TTL',
  scheduleZone: 'Nats-Schedule-Time-Zone',
  scheduler: 'Nats-Scheduler',
  sequence: 'Nats-Sequence',
  source: 'Nats-Stream-Source',
  stream: 'Nats-Stream',
  streamIdentity: 'Nats-Stream-Identity',
  subject: 'Nats-Subject',
  timeStamp: 'Nats-Time-Stamp',
  ttl: 'Nats-TTL',
  upToSequence: 'Nats-UpTo-Sequence',
} as const

export type Headers = ReadonlyMap<string, string>

const NONE: Headers = new Map()

/** The first header of each name. */
export function readHeaders(block: Buffer): Headers {
  if (block.length === 0) return NONE
  const headers = new Map<string, string>()
  for (const [name, value] of headersIn(block)) if (!headers.has(name)) headers.set(name, value)
  return headers
}

const LINE_END = '\r\n'
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
/** What a block begins with, without the end of the line. */
const VERSION_BYTES = HEADERS_VERSION.length - LINE_END.length

/** A header block of these, which are byte strings; empty: none. */
export function headerBlock(headers: Iterable<readonly [name: string, value: string | number]>): Buffer {
  let lines = ''
  for (const [name, value] of headers) lines += `${name}: ${value}${LINE_END}`
  return Buffer.from(lines === '' ? '' : `${HEADERS_VERSION}${lines}${LINE_END}`, 'latin1')
}

/** A block with more headers at its end. */
export function withHeaders(block: Buffer, more: Iterable<readonly [name: string, value: string | number]>): Buffer {
  const added = headerBlock(more)
  if (block.length === 0 || added.length === 0) return block.length === 0 ? added : block
  return Buffer.concat([block.subarray(0, block.length - LINE_END.length), added.subarray(HEADERS_VERSION.length)])
}

/** A block with one header more, or with another value, a byte string, of the first header of that name. */
export function withHeader(block: Buffer, name: string, value: string): Buffer {
  const text = block.toString('latin1')
  const start = text.indexOf(`${LINE_END}${name}:`)
  if (start < 0) return withHeaders(block, [[name, value]])
  const end = text.indexOf(LINE_END, start + LINE_END.length)
  return Buffer.from(`${text.slice(0, start)}${LINE_END}${name}: ${value}${text.slice(end)}`, 'latin1')
}

/** A block whose first line is the version alone. */
export function withoutStatus(block: Buffer): Buffer {
  // Nearly all are.
  if (block[VERSION_BYTES] === CARRIAGE_RETURN && block[VERSION_BYTES + 1] === LINE_FEED) return block
  const end = block.indexOf(LINE_END)
  if (end < 0) return block
  return Buffer.concat([Buffer.from(HEADERS_VERSION), block.subarray(end + LINE_END.length)])
}

/** A block without the headers of some names; empty if none is left. */
export function withoutHeaders(block: Buffer, isDropped: (name: string) => boolean): Buffer {
  const text = block.toString('latin1')
  const lines = text.slice(HEADERS_VERSION.length, -LINE_END.length).split(LINE_END)
  const kept = lines.filter((line) => line !== '' && !isDropped(line.slice(0, Math.max(0, line.indexOf(':')))))
  if (kept.length === 0) return block.subarray(0, 0)
  return Buffer.from(`${HEADERS_VERSION}${kept.join(LINE_END)}${LINE_END}${LINE_END}`, 'latin1')
}

/** The header block as it is stored: without a status, and without what the server itself added. `headers`: its own. */
export function cleaned(block: Buffer, headers: Headers): Buffer {
  const bare = withoutStatus(block)
  const has = bare === block ? headers.has(Header.requestInfo) : bare.includes(Header.requestInfo)
  return has ? withoutHeaders(bare, (name) => name === Header.requestInfo) : bare
}
