// Messages of the server itself, as runs for the router.

import type { ChunkPool } from '../memory/chunk-pool.ts'
import { Run } from './run.ts'

const CRLF = '\r\n'

export interface OwnMessage {
  /** Byte strings; an empty reply means none. */
  readonly subject: string
  readonly reply: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** The same with all headers in one block, from the version to the empty line; empty: none. */
export interface RawMessage extends Omit<OwnMessage, 'headers'> {
  readonly header: string | Uint8Array
  /** The subject that receivers see; none: the one that leads to them. */
  readonly shown?: string
  /** As in Run. */
  readonly isImported: boolean
}

/** Calls back with a run of this one message, which is valid during the call only. */
export function composeRun(pool: ChunkPool, { headers, ...message }: OwnMessage, callback: (run: Run) => void): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}${CRLF}`)
  const header = lines.length === 0 ? '' : `NATS/1.0${CRLF}${lines.join('')}${CRLF}`
  composeRaw(pool, { ...message, header, isImported: false }, callback)
}

export function composeRaw(
  pool: ChunkPool,
  { subject, shown = '', reply, header, payload, isImported }: RawMessage,
  callback: (run: Run) => void,
): void {
  const line = shown === '' ? `${subject} ${reply}` : `${subject} ${shown} ${reply}`
  const size = header.length + payload.length
  const stride = line.length + size + CRLF.length
  const chunk = pool.acquire(stride)
  const { bytes } = chunk.block
  bytes.write(typeof header === 'string' ? line + header : line, 0, 'latin1')
  if (typeof header !== 'string') bytes.set(header, line.length)
  bytes.set(payload, line.length + header.length)
  bytes.write(CRLF, line.length + size, 'latin1')
  const run = new Run()
  run.line = chunk.block
  run.lineLength = line.length
  run.subjectEnd = subject.length
  run.shownLength = shown.length
  run.replyStart = line.length - reply.length
  run.replyEnd = line.length
  run.headerSize = header.length
  run.isImported = isImported
  run.size = size
  run.block = chunk.block
  run.first = line.length
  run.stride = stride
  run.count = 1
  run.chunk = chunk
  try {
    callback(run)
  } finally {
    chunk.release()
  }
}
