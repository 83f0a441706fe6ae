// Feeds a parser of links in pieces and writes down its calls, as feed.ts does for clients.

import assert from 'node:assert/strict'
import type { Fault } from '../../src/base/errors.ts'
import type { LinkHandler, MessageHead } from '../../src/protocol/link-handler.ts'
import { LinkParser } from '../../src/protocol/link-parser.ts'
import type { Run } from '../../src/protocol/run.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { faultName, ping, pong } from '../model/calls.ts'
import { interest, interestEnd, type LinkSettings, message } from '../model/link-model.ts'
import { pushPieces } from './feed.ts'

export class LinkRecorder implements LinkHandler {
  readonly calls: string[] = []
  readonly runLengths: number[] = []
  /** Messages of a run that are taken at once. */
  taken = Number.POSITIVE_INFINITY

  processConnect(json: string): void {
    this.calls.push(`CONNECT ${json}`)
  }

  processInfo(json: string): void {
    this.calls.push(`INFO ${json}`)
  }

  processError(text: string): void {
    this.calls.push(`ERR ${text}`)
  }

  mayGoOnWithoutConnect(): boolean {
    return false
  }

  processMessages(run: Run, head: MessageHead): number {
    const line = run.line.bytes
    const subject = line.toString('latin1', run.subjectStart, run.subjectEnd)
    const reply = line.toString('latin1', run.replyStart, run.replyEnd)
    assert.equal(run.stride, run.lineLength + run.size + 2)
    this.runLengths.push(run.count)
    const count = Math.min(run.count, this.taken)
    for (let i = 0; i < count; i++) {
      const first = run.first + i * run.stride
      const payload = run.block.bytes.toString('latin1', first, first + run.size)
      this.calls.push(message(head.account, head.origin, subject, reply, head.queues, run.headerSize, payload))
    }
    return count
  }

  processInterest(account: string, subject: string, queue: string, weight: number, origin: string | undefined): void {
    this.calls.push(interest(account, subject, queue, weight, origin))
  }

  processInterestEnd(account: string, subject: string, queue: string, origin: string | undefined): void {
    this.calls.push(interestEnd(account, subject, queue, origin))
  }

  processPing(): void {
    this.calls.push(ping)
  }

  processPong(): void {
    this.calls.push(pong)
  }

  turnIsOver(): void {}

  processFault(fault: Fault): void {
    this.calls.push(`FAULT ${faultName(fault)}`)
  }
}

export function feedLink(
  input: Buffer,
  cuts: Iterable<number>,
  settings: LinkSettings,
  recorder = new LinkRecorder(),
): LinkRecorder {
  const pool = new CountingPool()
  const parser = new LinkParser(recorder, pool, settings, settings.format)
  parser.runMax = Number.MAX_SAFE_INTEGER
  pushPieces(parser, input, cuts, settings.maxControlLine)
  parser.stop()
  assert.equal(parser.carryBytes, 0)
  assert.equal(pool.outstanding, 0, 'all chunks are given back')
  return recorder
}
