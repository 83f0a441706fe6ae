// Feeds a parser as a shard does: piece after piece into one read buffer that is used again at once, with room for a
// cut line in front. What stands around a piece is poison, so that a byte read too far or kept too long shows.

import assert from 'node:assert/strict'
import { CONTROL_LINE_MAX } from '../../src/base/constants.ts'
import type { Fault } from '../../src/base/errors.ts'
import { allocateBlock, type Block } from '../../src/memory/block.ts'
import { Parser } from '../../src/protocol/parser.ts'
import type { ParserHandler } from '../../src/protocol/parser-handler.ts'
import type { Run } from '../../src/protocol/run.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { connect, faultName, hpub, ping, pong, request, sub, unsub } from '../model/calls.ts'

export interface FeedSettings {
  /** Whether headers are negotiated at the start; a CONNECT that names `headers` changes it. */
  readonly headers: boolean
  readonly runMax: number
  readonly maxControlLine: number
  readonly maxPayload: number
  readonly traced?: boolean
}

export const FEED_DEFAULTS: FeedSettings = {
  headers: true,
  runMax: Number.MAX_SAFE_INTEGER,
  maxControlLine: CONTROL_LINE_MAX,
  maxPayload: 1024 * 1024,
}

/** What a CONNECT says about headers; `current` if nothing. */
export function negotiatedHeaders(json: string, current: boolean): boolean {
  try {
    const headers: unknown = JSON.parse(json)?.headers
    return typeof headers === 'boolean' ? headers : current
  } catch {
    return current
  }
}

/** Writes down each call; runs become single messages. */
export class CallRecorder implements ParserHandler {
  readonly calls: string[] = []
  readonly runLengths: number[] = []
  readonly traces: string[] = []
  snippet: string | undefined
  parser: Parser | undefined
  headers = false

  processConnect(json: string): void {
    this.calls.push(connect(json))
    const headers = negotiatedHeaders(json, this.headers)
    if (headers !== this.headers) this.parser?.allowHeaders(headers)
    this.headers = headers
  }

  mayGoOnWithoutConnect(): boolean {
    return false
  }

  processPub(run: Run): number {
    const line = run.line.bytes
    const withHeader = (line[run.lineStart] | 0x20) === 0x68
    const subject = line.toString('latin1', run.subjectStart, run.subjectEnd)
    const reply = line.toString('latin1', run.replyStart, run.replyEnd)
    assert(run.count >= 1)
    assert.equal(run.stride, run.lineLength + run.size + 2)
    this.runLengths.push(run.count)
    for (let i = 0; i < run.count; i++) {
      const first = run.first + i * run.stride
      const payload = run.block.bytes.toString('latin1', first, first + run.size)
      this.calls.push(withHeader ? hpub(subject, reply, run.headerSize, payload) : request(subject, reply, payload))
      assert.equal(run.block.bytes.toString('latin1', first + run.size, first + run.size + 2), '\r\n')
      // The raw message stands in front of its payload: that is what goes to other shards.
      assert.equal(
        run.block.bytes.compare(line, run.lineStart, run.lineStart + run.lineLength, first - run.lineLength, first),
        0,
      )
    }
    return run.count
  }

  processSub(subject: string, queue: string, sid: string): void {
    this.calls.push(sub(subject, sid, queue))
  }

  processUnsub(sid: string, max: number): void {
    this.calls.push(unsub(sid, max))
  }

  processPing(): void {
    this.calls.push(ping)
  }

  processPong(): void {
    this.calls.push(pong)
  }

  turnIsOver(): void {}

  processFault(fault: Fault, cause: string): void {
    this.calls.push(`FAULT ${faultName(fault)}`)
    this.snippet = cause
  }

  cameIn(verb: string, argument: string): void {
    this.traces.push(`${verb} ${argument}`)
  }

  messageCameIn(message: Buffer): void {
    this.traces.push(`MSG_PAYLOAD ${message.toString('latin1')}`)
  }
}

/** Two bytes that would be taken for something if they were read: the end of a line, the beginning of one. */
const POISON = [10, 0x50] as const
const POISON_BYTES = 64

let block: Block = allocateBlock(1024)

/** The calls that `input` leads to when it arrives in pieces that end at `cuts` (ascending). */
export function feed(
  input: Buffer,
  cuts: Iterable<number>,
  settings: FeedSettings = FEED_DEFAULTS,
  recorder: CallRecorder = new CallRecorder(),
): CallRecorder {
  const pool = new CountingPool()
  const parser = new Parser(recorder, pool, settings)
  recorder.parser = parser
  recorder.headers = settings.headers
  parser.allowHeaders(settings.headers)
  parser.runMax = settings.runMax
  parser.tracer = settings.traced === true ? recorder : undefined
  pushPieces(parser, input, cuts, settings.maxControlLine)
  parser.stop()
  assert.equal(parser.carryBytes, 0)
  assert.equal(pool.outstanding, 0, 'all chunks are given back')
  if (recorder.snippet !== undefined) assert(recorder.snippet.length <= 32)
  return recorder
}

/** Pushes `input` in pieces that end at `cuts` (ascending). */
export function pushPieces(
  parser: Pick<Parser, 'carryBytes' | 'push'>,
  input: Buffer,
  cuts: Iterable<number>,
  maxControlLine: number,
): void {
  // As in shard.ts.
  const start = Math.max(maxControlLine, CONTROL_LINE_MAX) * 2
  if (block.capacity < start + input.length + POISON_BYTES) block = allocateBlock(start + input.length + POISON_BYTES)
  const { bytes } = block
  let pieces = 0
  let from = 0
  const push = (to: number): void => {
    if (to === from) return
    const carry = parser.carryBytes
    assert(carry <= start, `a cut line of ${carry} bytes does not fit the ${start} bytes in front of the read buffer`)
    const end = start + to - from
    const poison = POISON[pieces++ & 1]
    bytes.fill(poison, start - carry - 8, start)
    input.copy(bytes, start, from, to)
    bytes.fill(poison, end, end + POISON_BYTES)
    parser.push(block, start, end)
    // The next connection reads into the same memory.
    bytes.fill(poison, start - carry, Math.min(end, start + POISON_BYTES))
    from = to
  }
  for (const cut of cuts) push(cut)
  push(input.length)
}

export function* everyByte(length: number): Generator<number> {
  for (let cut = 1; cut < length; cut++) yield cut
}
