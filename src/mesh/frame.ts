// Frames, the contents of a ring. A frame carries messages as the publisher sent them, raw lines included, with what
// was parsed of the lines in front, so that the other shard continues where this one stopped: nothing is parsed twice,
// and nothing is copied on the other side before it is encoded for a receiver.
//
// Most carry a batch, the runs that one read published for all plain subscriptions of the other shard:
//
//     ┌ BYTES   of the frame, a multiple of 4, this word included
//     │ KIND    batch
//     │ WORK    number of the work that it was sent by (publish-order.ts)
//     │ PUBLISHER  connection id (64 bits), for holding it back
//     │ ROUTING plain interest (bit 0), came by a service import (bit 2), origin (bits 3, 4)
//     │ ACCOUNT bytes of its name (16 bits), and of the name of the cluster that it came from (16 bits)
//     │ COUNT   messages in it    DONE  those that the other shard has dealt with: the one word that it writes
//     │ RUNS    how many runs     RAW   bytes of all raw messages
//     │ names of account and cluster, padded
//     │ packed runs (protocol/packed-run.ts), one behind the other
//     └ raw: line payload CRLF line payload CRLF …
//
// What is more than that has a frame for each run: a message of a queue group, one that asks for responders or is
// traced, one that comes by an import or is larger than a frame.
//
//     ┌ BYTES, KIND, WORK, PUBLISHER
//     │         kinds: run; the first or a later fragment of one message that is larger than a frame; fence: no message
//     │ ROUTING plain interest (bit 0), traced only (bit 1), came by a service import (bit 2), origin (bits 3, 4),
//     │         for links (bit 5), hops (bits 8…), asked (bits 16…)
//     │ ACCOUNT as in a batch
//     │ QUEUE   bytes of its name; one member of the queue group is to get the run; 0 = no group; for
//     │         links: the groups that were dealt to one of this shard’s, with blanks between them
//     │ TRACE   number under which to tell what happens to it; of a fence: its own
//     │ QUESTION  number of the request, where `asked` is not 0
//     │ LINE, SUBJECT ×2, REPLY ×2, HEADER, SIZE, COUNT      as in protocol/run.ts
//     │ RAW     bytes of the raw messages in this frame (a fragment has fewer than the message)
//     │ SHOWN   as in protocol/run.ts
//     │ names of account, cluster and queue group, padded
//     └ raw

import { type Block, copyBytes, writeText } from '../memory/block.ts'
import { PACKED_RUN_BYTES, packedCount } from '../protocol/packed-run.ts'
import { Origin, type Run } from '../protocol/run.ts'
import type { Batch } from '../routing/batch.ts'
import type { Routing } from '../routing/routing.ts'

const WORD = 4
export const FrameKind = { run: 0, firstFragment: 1, fragment: 2, fence: 3, batch: 4 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

const At = {
  bytes: 0,
  kind: 4,
  work: 8,
  publisher: 12,
  routing: 20,
  account: 24,
  queue: 28,
  trace: 32,
  question: 36,
  line: 40,
  subjectStart: 44,
  subjectEnd: 48,
  replyStart: 52,
  replyEnd: 56,
  header: 60,
  size: 64,
  count: 68,
  raw: 72,
  shown: 76,
  end: 80,
} as const

const Routed = { plain: 1, onlyTraced: 2, imported: 4, links: 32 } as const
const ORIGIN_SHIFT = 3
const ORIGIN_MASK = 3

/** Of a batch, which begins like the others. */
const BatchAt = {
  count: 28,
  done: 32,
  runs: 36,
  raw: 40,
  end: 44,
} as const

const CLUSTER_SHIFT = 16
const ACCOUNT_MASK = 0xffff

/** Bytes of a frame for messages [raw] of a run that came from `cluster`. */
export function frameBytes({ account, queue }: Routing, cluster: string, rawBytes: number): number {
  return At.end + pad(account.length + cluster.length + queue.length) + pad(rawBytes)
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
  const { cluster } = run
  const bytes = frameBytes(routing, cluster, rawBytes)
  view.setInt32(at + At.bytes, bytes, true)
  view.setInt32(at + At.kind, kind, true)
  const flags =
    (routing.plain ? Routed.plain : 0) |
    (routing.isOnlyTraced ? Routed.onlyTraced : 0) |
    (run.isImported ? Routed.imported : 0) |
    (routing.toLinks ? Routed.links : 0) |
    (run.origin << ORIGIN_SHIFT)
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
  view.setInt32(at + At.account, account.length | (cluster.length << CLUSTER_SHIFT), true)
  view.setInt32(at + At.queue, queue.length, true)
  view.setInt32(at + At.raw, rawBytes, true)
  view.setInt32(at + At.shown, run.shownLength, true)
  const rawAt = at + At.end + pad(account.length + cluster.length + queue.length)
  const clusterAt = writeText(to.bytes, at + At.end, account)
  writeText(to.bytes, writeText(to.bytes, clusterAt, cluster), queue)
  const source = run.first - run.lineLength + from * run.stride + rawStart
  copyBytes(to, rawAt, run.block, source, rawBytes)
  return bytes
}

/** Bytes of a frame of so many runs with so many raw bytes. */
export function batchBytes({ account, cluster }: Batch, runs: number, rawBytes: number): number {
  return BatchAt.end + pad(account.length + cluster.length) + runs * PACKED_RUN_BYTES + pad(rawBytes)
}

/**
 * Writes a frame of the runs `picks[from…until)` of a batch, of `rawBytes` in all, at `at`. `work`: the number of the
 * current work. Returns how many messages they are.
 */
export function writeBatch(
  to: Block,
  at: number,
  batch: Batch,
  picks: Uint16Array,
  from: number,
  until: number,
  rawBytes: number,
  work: number,
): number {
  const { view } = to
  const { account, cluster } = batch
  const { packed, starts, lengths, source } = batch.runs
  const runs = until - from
  view.setInt32(at + At.bytes, batchBytes(batch, runs, rawBytes), true)
  view.setInt32(at + At.kind, FrameKind.batch, true)
  view.setInt32(at + At.work, work, true)
  view.setFloat64(at + At.publisher, batch.publisher, true)
  const imported = batch.isImported ? Routed.imported : 0
  view.setInt32(at + At.routing, Routed.plain | imported | (batch.origin << ORIGIN_SHIFT), true)
  view.setInt32(at + At.account, account.length | (cluster.length << CLUSTER_SHIFT), true)
  view.setInt32(at + BatchAt.done, 0, true)
  view.setInt32(at + BatchAt.runs, runs, true)
  view.setInt32(at + BatchAt.raw, rawBytes, true)
  writeText(to.bytes, writeText(to.bytes, at + BatchAt.end, account), cluster)
  let packedAt = at + BatchAt.end + pad(account.length + cluster.length)
  let rawAt = packedAt + runs * PACKED_RUN_BYTES
  let count = 0
  // What is copied next: as many as stand side by side.
  let start = starts[picks[from]]
  let end = start
  for (let i = from; i < until; i++) {
    const place = picks[i]
    const packedFrom = place * PACKED_RUN_BYTES
    for (let word = 0; word < PACKED_RUN_BYTES; word += WORD) {
      view.setInt32(packedAt + word, packed.view.getInt32(packedFrom + word, true), true)
    }
    packedAt += PACKED_RUN_BYTES
    count += packedCount(packed, packedFrom)
    if (starts[place] !== end) {
      copyBytes(to, rawAt, source, start, end - start)
      rawAt += end - start
      start = starts[place]
    }
    end = starts[place] + lengths[place]
  }
  copyBytes(to, rawAt, source, start, end - start)
  view.setInt32(at + BatchAt.count, count, true)
  return count
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

function holdsText(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  if (length !== text.length) return false
  for (let i = 0; i < length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** The number of the work that the frame at `at` was sent by. */
export function workOf({ view }: Block, at: number): number {
  return view.getInt32(at + At.work, true)
}

/** The messages that begin in the frame at `at` and have not been dealt with. */
export function messagesIn({ view }: Block, at: number): number {
  const kind = view.getInt32(at + At.kind, true)
  if (kind === FrameKind.batch) return view.getInt32(at + BatchAt.count, true) - view.getInt32(at + BatchAt.done, true)
  return kind === FrameKind.run || kind === FrameKind.firstFragment ? view.getInt32(at + At.count, true) : 0
}

/** Of the batch at `at`, so many more messages have been dealt with. */
export function batchDone({ view }: Block, at: number, messages: number): void {
  view.setInt32(at + BatchAt.done, view.getInt32(at + BatchAt.done, true) + messages, true)
}

/** A frame as read: a run over the ring's own memory, and what to do with it. Valid until the frame is given back. */
export interface Frame {
  bytes: number
  kind: FrameKind
  plain: boolean
  account: string
  /** As in Run. */
  cluster: string
  queue: string
  hops: number
  asked: number
  question: number
  publisher: number
  trace: number
  isOnlyTraced: boolean
  isImported: boolean
  origin: Origin
  toLinks: boolean
  rawStart: number
  rawBytes: number
  /** Of a batch: how many runs, and where the packed ones begin. */
  runs: number
  packedStart: number
}

/** One to read frames into. */
export function emptyFrame(): Frame {
  return {
    bytes: 0,
    kind: FrameKind.run,
    plain: false,
    account: '',
    cluster: '',
    queue: '',
    hops: 0,
    asked: 0,
    question: 0,
    publisher: 0,
    trace: 0,
    isOnlyTraced: false,
    isImported: false,
    origin: Origin.local,
    toLinks: false,
    rawStart: 0,
    rawBytes: 0,
    runs: 0,
    packedStart: 0,
  }
}

/** Reads the frame at `at` into `frame` and, unless it is a batch, its run into `run`. */
export function readFrame(from: Block, at: number, frame: Frame, run: Run): void {
  const { view } = from
  frame.bytes = view.getInt32(at + At.bytes, true)
  frame.kind = view.getInt32(at + At.kind, true) as FrameKind
  const routing = view.getInt32(at + At.routing, true)
  frame.plain = (routing & Routed.plain) !== 0
  frame.isOnlyTraced = (routing & Routed.onlyTraced) !== 0
  frame.isImported = (routing & Routed.imported) !== 0
  frame.toLinks = (routing & Routed.links) !== 0
  frame.origin = ((routing >> ORIGIN_SHIFT) & ORIGIN_MASK) as Origin
  frame.hops = (routing >> 8) & 0xff
  frame.asked = routing >>> 16
  frame.publisher = view.getFloat64(at + At.publisher, true)
  if (frame.kind === FrameKind.batch) readBatch(from, at, frame)
  else readSingle(from, at, frame, run)
}

function readBatch(from: Block, at: number, frame: Frame): void {
  const { view } = from
  const nameBytes = readNames(from, at, at + BatchAt.end, frame)
  frame.queue = ''
  frame.trace = 0
  frame.question = 0
  frame.runs = view.getInt32(at + BatchAt.runs, true)
  frame.packedStart = at + BatchAt.end + pad(nameBytes)
  frame.rawStart = frame.packedStart + frame.runs * PACKED_RUN_BYTES
  frame.rawBytes = view.getInt32(at + BatchAt.raw, true)
}

function readSingle(from: Block, at: number, frame: Frame, run: Run): void {
  const { view, bytes } = from
  const nameBytes = readNames(from, at, at + At.end, frame)
  const queueBytes = view.getInt32(at + At.queue, true)
  const queueAt = at + At.end + nameBytes
  frame.queue = queueBytes === 0 ? '' : bytes.toString('latin1', queueAt, queueAt + queueBytes)
  frame.trace = view.getInt32(at + At.trace, true)
  frame.question = view.getInt32(at + At.question, true)
  frame.rawStart = at + At.end + pad(nameBytes + queueBytes)
  frame.rawBytes = view.getInt32(at + At.raw, true)
  if (frame.kind === FrameKind.fragment || frame.kind === FrameKind.fence) return
  run.isImported = frame.isImported
  run.origin = frame.origin
  run.cluster = frame.cluster
  run.lineLength = view.getInt32(at + At.line, true)
  run.subjectStart = view.getInt32(at + At.subjectStart, true)
  run.subjectEnd = view.getInt32(at + At.subjectEnd, true)
  run.replyStart = view.getInt32(at + At.replyStart, true)
  run.replyEnd = view.getInt32(at + At.replyEnd, true)
  run.headerSize = view.getInt32(at + At.header, true)
  run.size = view.getInt32(at + At.size, true)
  run.count = view.getInt32(at + At.count, true)
  run.shownLength = view.getInt32(at + At.shown, true)
  run.stride = run.lineLength + run.size + 2
  run.memo = undefined
}

/**
 * Reads the names of account and cluster at `start`; returns their bytes. They are nearly always those of the frame
 * before: no string is made then.
 */
function readNames({ view, bytes }: Block, at: number, start: number, frame: Frame): number {
  const lengths = view.getInt32(at + At.account, true)
  const account = lengths & ACCOUNT_MASK
  const cluster = lengths >>> CLUSTER_SHIFT
  const between = start + account
  if (!holdsText(bytes, start, account, frame.account)) frame.account = bytes.toString('latin1', start, between)
  if (!holdsText(bytes, between, cluster, frame.cluster)) {
    frame.cluster = bytes.toString('latin1', between, between + cluster)
  }
  return account + cluster
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
