// Frames, the contents of a ring. A frame carries a run as the publisher sent it, raw lines included, with the parsed
// offsets in front, so that the other shard continues where this one stopped: nothing is parsed twice, and nothing is
// copied on the other side before it is encoded for a receiver.
//
//     ┌ BYTES   of the frame, a multiple of 4, this word included
//     │ KIND    run; the first or a later fragment of one message that is larger than a frame; fence: no message
//     │ ROUTING plain interest (bit 0), traced only (bit 1), came by a service import (bit 2), hops (bits 8…), asked
//     │         (bits 16…)
//     │ PUBLISHER  connection id (64 bits), for holding it back    TRACE  number under which to tell what happens to
//     │            it; of a fence: its own
//     │ WORK    number of the work that it was sent by (publish-order.ts)
//     │ QUESTION  number of the request, where `asked` is not 0
//     │ LINE, SUBJECT ×2, REPLY ×2, HEADER, SIZE, COUNT      as in protocol/run.ts
//     │ ACCOUNT, QUEUE  bytes of their names; one member of the queue group is to get the run; 0 = no group
//     │ RAW     bytes of the raw messages in this frame (a fragment has fewer than the message)
//     │ names of account and queue group, padded
//     └ raw: line payload CRLF line payload CRLF …

import { type Block, copyBytes } from '../memory/block.ts'
import type { Run } from '../protocol/run.ts'
import type { Routing } from '../routing/routing.ts'

const WORD = 4
export const FrameKind = { run: 0, firstFragment: 1, fragment: 2, fence: 3 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

const At = {
  bytes: 0,
  kind: 4,
  routing: 8,
  publisher: 12,
  line: 20,
  subjectStart: 24,
  subjectEnd: 28,
  replyStart: 32,
  replyEnd: 36,
  header: 40,
  size: 44,
  count: 48,
  account: 52,
  queue: 56,
  raw: 60,
  trace: 64,
  work: 68,
  question: 72,
  end: 76,
} as const

export function frameBytes({ account, queue }: Routing, rawBytes: number): number {
  return At.end + pad(account.length + queue.length) + pad(rawBytes)
}

function pad(bytes: number): number {
  return (bytes + WORD - 1) & -WORD
}

/**
 * Writes a frame at `at`: messages [from, from + count) of `run`, or of the one message at `from` the bytes [rawStart,
 * rawStart + rawBytes). `work`: the number of the current work. Returns the bytes written.
 */
export function writeFrame(
  to: Block,
  at: number,
  kind: FrameKind,
  run: Run,
  routing: Routing,
  from: number,
  count: number,
  rawStart: number,
  rawBytes: number,
  work: number,
): number {
  const { view } = to
  const { account, queue } = routing
  const bytes = frameBytes(routing, rawBytes)
  view.setInt32(at + At.bytes, bytes, true)
  view.setInt32(at + At.kind, kind, true)
  const flags = (routing.plain ? 1 : 0) | (routing.isOnlyTraced ? 2 : 0) | (run.isImported ? 4 : 0)
  view.setInt32(at + At.routing, flags | (routing.hops << 8) | (routing.asked << 16), true)
  // Connections are counted forever: their numbers outgrow 32 bits.
  view.setFloat64(at + At.publisher, routing.publisher, true)
  view.setInt32(at + At.trace, routing.trace, true)
  view.setInt32(at + At.work, work, true)
  view.setInt32(at + At.question, routing.question, true)
  view.setInt32(at + At.line, run.lineLength, true)
  view.setInt32(at + At.subjectStart, run.subjectStart - run.lineStart, true)
  view.setInt32(at + At.subjectEnd, run.subjectEnd - run.lineStart, true)
  view.setInt32(at + At.replyStart, run.replyStart - run.lineStart, true)
  view.setInt32(at + At.replyEnd, run.replyEnd - run.lineStart, true)
  view.setInt32(at + At.header, run.headerSize, true)
  view.setInt32(at + At.size, run.size, true)
  view.setInt32(at + At.count, count, true)
  view.setInt32(at + At.account, account.length, true)
  view.setInt32(at + At.queue, queue.length, true)
  view.setInt32(at + At.raw, rawBytes, true)
  const rawAt = at + At.end + pad(account.length + queue.length)
  writeText(to.bytes, at + At.end, account)
  writeText(to.bytes, at + At.end + account.length, queue)
  const source = run.first - run.lineLength + from * run.stride + rawStart
  copyBytes(to, rawAt, run.block, source, rawBytes)
  return bytes
}

/** Bytes of a frame that bears no message. */
export const FENCE_BYTES = At.end

/** Writes a fence: all that was sent until now stands before it. `number` identifies it, see Peer. */
export function writeFence({ view, bytes }: Block, at: number, number: number, work: number): void {
  bytes.fill(0, at, at + FENCE_BYTES)
  view.setInt32(at + At.bytes, FENCE_BYTES, true)
  view.setInt32(at + At.kind, FrameKind.fence, true)
  view.setInt32(at + At.trace, number, true)
  view.setInt32(at + At.work, work, true)
}

/** Names are short: a loop is quicker than a call into the runtime. */
function writeText(to: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) to[at + i] = text.charCodeAt(i)
}

function holdsText(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  if (length !== text.length) return false
  for (let i = 0; i < length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** The number of the work that the frame at `at` was sent by. */
export function workOf({ view }: Block, at: number): number {
  return view.getInt32(at + At.work, true)
}

/** The messages that begin in the frame at `at`. */
export function messagesIn({ view }: Block, at: number): number {
  const kind = view.getInt32(at + At.kind, true)
  return kind === FrameKind.run || kind === FrameKind.firstFragment ? view.getInt32(at + At.count, true) : 0
}

/** A frame as read: a run over the ring's own memory, and what to do with it. Valid until the frame is given back. */
export interface Frame {
  bytes: number
  kind: FrameKind
  plain: boolean
  account: string
  queue: string
  hops: number
  asked: number
  question: number
  publisher: number
  trace: number
  isOnlyTraced: boolean
  rawStart: number
  rawBytes: number
}

/** One to read frames into. */
export function emptyFrame(): Frame {
  return {
    bytes: 0,
    kind: FrameKind.run,
    plain: false,
    account: '',
    queue: '',
    hops: 0,
    asked: 0,
    question: 0,
    publisher: 0,
    trace: 0,
    isOnlyTraced: false,
    rawStart: 0,
    rawBytes: 0,
  }
}

/** Reads the frame at `at` into `frame` and `run`. */
export function readFrame(from: Block, at: number, frame: Frame, run: Run): void {
  const { view, bytes } = from
  const accountBytes = view.getInt32(at + At.account, true)
  const queueBytes = view.getInt32(at + At.queue, true)
  const routing = view.getInt32(at + At.routing, true)
  frame.bytes = view.getInt32(at + At.bytes, true)
  frame.kind = view.getInt32(at + At.kind, true) as FrameKind
  frame.plain = (routing & 1) === 1
  frame.isOnlyTraced = (routing & 2) === 2
  frame.trace = view.getInt32(at + At.trace, true)
  frame.hops = (routing >> 8) & 0xff
  frame.asked = routing >>> 16
  frame.question = view.getInt32(at + At.question, true)
  frame.publisher = view.getFloat64(at + At.publisher, true)
  const queueAt = at + At.end + accountBytes
  // Nearly always that of the frame before: no string is made then.
  if (!holdsText(bytes, at + At.end, accountBytes, frame.account)) {
    frame.account = bytes.toString('latin1', at + At.end, queueAt)
  }
  frame.queue = queueBytes === 0 ? '' : bytes.toString('latin1', queueAt, queueAt + queueBytes)
  frame.rawStart = at + At.end + pad(accountBytes + queueBytes)
  frame.rawBytes = view.getInt32(at + At.raw, true)
  if (frame.kind === FrameKind.fragment || frame.kind === FrameKind.fence) return
  run.isImported = (routing & 4) === 4
  run.lineLength = view.getInt32(at + At.line, true)
  run.subjectStart = view.getInt32(at + At.subjectStart, true)
  run.subjectEnd = view.getInt32(at + At.subjectEnd, true)
  run.replyStart = view.getInt32(at + At.replyStart, true)
  run.replyEnd = view.getInt32(at + At.replyEnd, true)
  run.headerSize = view.getInt32(at + At.header, true)
  run.size = view.getInt32(at + At.size, true)
  run.count = view.getInt32(at + At.count, true)
  run.stride = run.lineLength + run.size + 2
  run.memo = undefined
}

/** Points `run` at raw messages in `block` from `start` on; the subject and reply offsets follow. */
export function attachRun(run: Run, block: Block, start: number): void {
  run.subjectStart += start
  run.subjectEnd += start
  run.replyStart += start
  run.replyEnd += start
  run.line = block
  run.lineStart = start
  run.block = block
  run.first = start + run.lineLength
}
