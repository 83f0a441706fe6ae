// Whether a connection is read at present. A publisher is held back, for a bounded time, while a receiver has fallen
// behind, and for as long as frames for another shard wait because a ring has no room.
//
// One gate per connection that was ever held: most never are, and have none.

import { FullReceivers } from './full-receivers.ts'
import { holdMsFor, type Outbound } from './outbound.ts'
import type { Transport } from './transport.ts'

/** Another shard: frames for it may wait. */
interface Congested {
  readonly link: { whenRelieved(callback: () => void): void }
}

export class ReadGate {
  private readonly socket: Transport
  private readonly client: { attempt(act: () => unknown): void }
  /** Called when no other shard's ring is waited for any more. */
  private readonly onPeersClear: () => void
  /** Reasons for which the socket is not read. */
  private reasons = 0
  /** Ends the hold for the sake of receivers, if there is one. */
  private releaseHold: (() => void) | undefined
  /** What of that may take, milliseconds. */
  private heldMs = 0
  private full = new FullReceivers()
  /** Shards with a receiver that has fallen behind. */
  private readonly shards = new Set<number>()
  private readonly congested = new Set<Congested>()
  private closed = false
  /** Times it was held for the sake of receivers. */
  stalls = 0

  constructor(socket: Transport, client: ReadGate['client'], onPeersClear: () => void) {
    this.socket = socket
    this.client = client
    this.onPeersClear = onPeersClear
  }

  /** Frames of this publisher wait for a ring. */
  get waitsForPeers(): boolean {
    return this.congested.size > 0
  }

  /** A receiver of this shard has fallen behind; `readBytes` is what was read latest. Returns whether a hold began. */
  holdFor(receiver: Outbound, readBytes: number): boolean {
    const ms = receiver.holdMs(readBytes)
    // A hold for another shard may be shorter than this receiver needs.
    const isLonger = this.releaseHold !== undefined && ms > this.heldMs
    const { full } = this
    if (isLonger) {
      // Those that the shorter one was for are waited for all the same.
      this.full = new FullReceivers()
      this.release()
      this.full = full
    }
    full.note(receiver)
    if (!this.holdForMs(ms)) return false
    if (isLonger) this.stalls--
    receiver.whenRelieved(this.relieved)
    return !isLonger
  }

  /** A receiver on another shard has fallen behind: until that shard says otherwise, a hold follows each read. */
  holdForShard(index: number, readBytes: number): void {
    this.shards.add(index)
    this.holdForMs(holdMsFor(readBytes))
  }

  releaseForShard(index: number): void {
    if (this.shards.delete(index) && this.shards.size === 0) this.relieved()
  }

  /** Called after each read. */
  afterRead(readBytes: number): void {
    if (this.shards.size > 0) this.holdForMs(holdMsFor(readBytes))
  }

  holdForPeer(peer: Congested): void {
    if (this.congested.has(peer)) return
    this.congested.add(peer)
    this.pause()
    peer.link.whenRelieved(() => {
      this.congested.delete(peer)
      this.resume()
      if (!this.waitsForPeers) this.onPeersClear()
    })
  }

  /** The connection is closing: it is not held any more. */
  close(): void {
    this.closed = true
    this.release()
  }

  /** One function for the gate's life, so that a receiver keeps it but once. */
  private readonly relieved = (): void => {
    if (this.full.areGone(this.relieved)) this.release()
  }

  private readonly release = (): void => this.releaseHold?.()

  private holdForMs(ms: number): boolean {
    if (this.releaseHold !== undefined || this.closed) return false
    const timer = setTimeout(() => this.client.attempt(this.release), ms)
    // Not assigned as it is made: V8 puts such a function into the old generation at once, and keeps all that it knows.
    const release = (): void => {
      this.releaseHold = undefined
      this.full.clear()
      clearTimeout(timer)
      this.resume()
    }
    this.releaseHold = release
    this.heldMs = ms
    this.stalls++
    this.pause()
    return true
  }

  /** Nothing is read until the function that it answers is called, once. */
  hold(): () => void {
    this.pause()
    return () => this.resume()
  }

  private pause(): void {
    if (this.reasons++ === 0) this.socket.pause()
  }

  private resume(): void {
    if (--this.reasons === 0 && !this.socket.destroyed) this.socket.resume()
  }
}
