// A link whose output is compressed, as a Transport: what is written together goes out as one S2 stream.

import type { Socket } from 'node:net'
import type { CloseReason } from '../base/errors.ts'
import type { Transport } from '../net/transport.ts'
import { writeS2 } from '../s2/writer.ts'

export class S2Transport implements Transport {
  /** Blocks are compressed; otherwise only framed. */
  compresses: boolean
  private readonly below: Transport
  private corked: Buffer[] | undefined

  constructor(below: Transport, compresses: boolean) {
    this.below = below
    this.compresses = compresses
  }

  get remoteAddress(): string | undefined {
    return this.below.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.below.remotePort
  }

  get writableLength(): number {
    return this.below.writableLength
  }

  get untakenBytes(): number {
    return this.below.untakenBytes ?? 0
  }

  get carrier(): Socket {
    return this.below.carrier as Socket
  }

  get destroyed(): boolean {
    return this.below.destroyed
  }

  on(event: 'error' | 'end' | 'close', listener: (error: NodeJS.ErrnoException) => void): void {
    this.below.on(event as 'error', listener)
  }

  cork(): void {
    this.corked ??= []
  }

  uncork(): void {
    const { corked } = this
    this.corked = undefined
    if (corked !== undefined && corked.length > 0) this.below.write(writeS2(corked, this.compresses))
  }

  /** An empty write is a fence only: it makes no stream. */
  write(bytes: Buffer, callback?: () => void): boolean {
    if (bytes.length > 0) {
      if (this.corked !== undefined) this.corked.push(bytes)
      else this.below.write(writeS2([bytes], this.compresses))
    }
    if (callback !== undefined) this.below.write(Buffer.alloc(0), callback)
    return this.below.writableLength === 0
  }

  pause(): void {
    this.below.pause()
  }

  resume(): void {
    this.below.resume()
  }

  farewell(reason: CloseReason): void {
    this.below.farewell?.(reason)
  }

  end(): void {
    this.below.end()
  }

  destroySoon(): void {
    this.below.destroySoon()
  }

  destroy(): void {
    this.below.destroy()
  }
}
