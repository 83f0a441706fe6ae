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
  private from: Socket | undefined
  private to: Socket | undefined
  private readonly events: LaneEvents
  private readonly splitter: Splitter
  private waiting: { readonly operation: Operation; fate: Fate | undefined }[] = []
  private isHeld = false
  /** Bytes that may be read while it is held. */
  private room = 0
  private hasEnded = false
  private delay: NodeJS.Timeout | undefined

  constructor(splitter: Splitter, events: LaneEvents) {
    this.splitter = splitter
    this.events = events
  }

  /** From now on it goes between these sockets. */
  lead(from: Socket, to: Socket): void {
    this.rest()
    this.from = from.on('data', this.fromOnData).on('end', this.fromOnEnd)
    this.to = to.on('drain', this.pump)
    if (!this.isHeld || this.room > 0) from.resume()
    this.pump()
  }

  /** Until lead() nothing is read or written. */
  rest(): void {
    this.from?.off('data', this.fromOnData).off('end', this.fromOnEnd).pause()
    this.to?.off('drain', this.pump)
    this.from = undefined
    this.to = undefined
  }

  /** Nothing goes on from here; so many bytes more are read and kept. */
  hold(room: number): void {
    this.isHeld = true
    this.room = room
    if (room <= 0) this.from?.pause()
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

  private readonly fromOnData = (chunk: Buffer): void => {
    if (this.isHeld) this.hold(this.room - chunk.length)
    this.take(this.splitter.split(chunk))
  }

  private readonly fromOnEnd = (): void => {
    this.hasEnded = true
    this.take(this.splitter.rest())
  }

  private take(operations: readonly Operation[]): void {
    for (const operation of operations) this.waiting.push({ operation, fate: undefined })
    this.pump()
  }

  private readonly pump = (): void => {
    const { from, to } = this
    if (this.isHeld || this.delay !== undefined || from === undefined || to === undefined) return
    to.cork()
    const sent = this.send(to)
    to.uncork()
    if (this.waiting.length === 0 && this.hasEnded) to.end()
    if (sent && !to.writableNeedDrain) from.resume()
    else from.pause()
  }

  /** Sends what may go; whether that was all. */
  private send(to: Socket): boolean {
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
      to.write(wire)
      if (this.isHeld) {
        next++
        break
      }
    }
    this.waiting.splice(0, next)
    return this.waiting.length === 0
  }
}
