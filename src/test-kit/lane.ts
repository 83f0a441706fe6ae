// One direction of a connection: operations from one socket to another, in their order. While it is held, nothing more
// is read, so that the sender feels it as it would feel a network or a peer that does not take its bytes.

import type { Socket } from 'node:net'
import type { Fate } from './faults.ts'
import type { Operation, Splitter } from './operations.ts'

export interface LaneEvents {
  /** An operation has come: what is to be done with it? */
  fateOf(operation: Operation): Fate
  /** It goes on. */
  passed(operation: Operation): void
}

export class Lane {
  private readonly from: Socket
  private readonly to: Socket
  private readonly events: LaneEvents
  private readonly splitter: Splitter
  private waiting: { readonly operation: Operation; fate: Fate | undefined }[] = []
  private isHeld = false
  /** Bytes that may be read while it is held. */
  private room = 0
  private hasEnded = false
  private delay: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, splitter: Splitter, events: LaneEvents) {
    this.splitter = splitter
    this.from = from
    this.to = to
    this.events = events
    from.on('data', (chunk: Buffer) => {
      if (this.isHeld) this.hold(this.room - chunk.length)
      this.take(this.splitter.split(chunk))
    })
    from.on('end', () => {
      this.hasEnded = true
      this.take(this.splitter.rest())
    })
    to.on('drain', () => this.pump())
  }

  /** Nothing goes on from here; so many bytes more are read and kept. */
  hold(room: number): void {
    this.isHeld = true
    this.room = room
    if (room <= 0) this.from.pause()
  }

  release(): void {
    this.isHeld = false
    this.pump()
  }

  close(): void {
    clearTimeout(this.delay)
    this.delay = undefined
    this.waiting = []
    this.isHeld = true
  }

  private take(operations: readonly Operation[]): void {
    for (const operation of operations) this.waiting.push({ operation, fate: undefined })
    this.pump()
  }

  private pump(): void {
    if (this.isHeld || this.delay !== undefined) return
    this.to.cork()
    const sent = this.send()
    this.to.uncork()
    if (this.waiting.length === 0 && this.hasEnded) this.to.end()
    if (sent && !this.to.writableNeedDrain) this.from.resume()
    else this.from.pause()
  }

  /** Sends what may go; whether that was all. */
  private send(): boolean {
    let next = 0
    for (; next < this.waiting.length; next++) {
      const item = this.waiting[next]
      if (item.fate === undefined) {
        const fate = this.events.fateOf(item.operation)
        item.fate = fate
        if (!fate.drop && fate.delayMs > 0) {
          this.delay = setTimeout(() => {
            this.delay = undefined
            this.pump()
          }, fate.delayMs)
          break
        }
      }
      if (item.fate.drop) continue
      const { bytes, wire = bytes } = item.operation
      if (bytes.length > 0) this.events.passed(item.operation)
      this.to.write(wire)
      if (this.isHeld) {
        next++
        break
      }
    }
    this.waiting.splice(0, next)
    return this.waiting.length === 0
  }
}
