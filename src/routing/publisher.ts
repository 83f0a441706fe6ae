// A publisher, as the router sees it.

import type { Outbound } from '../net/outbound.ts'
import type { Run } from '../protocol/run.ts'
import type { Peer } from './peer.ts'

/** The publisher: a client of this shard, or of another shard. */
export interface Publisher {
  readonly id: number
  /** The receiver has fallen behind: the publisher is not read for a bounded time, or until the receiver caught up. */
  holdFor(receiver: Outbound): void
  /** Shards to which it has sent what may go on from there, since its last PONG: the next one waits for that. */
  passing: Set<number> | undefined
  /** The shards to which it has ever sent something, as bits (bitOf): when much waits for one of them, it is held. */
  sentTo: number
  /** Wants to be told of requests without responders. */
  readonly awaitsResponders: boolean
  /** Frames for another shard wait: the publisher is not read until they are on their way. */
  holdForPeer(peer: Peer): void
  /**
   * Its description for an exporting account, in JSON as a byte string; empty where it is not known. `service`: the
   * account by whose own service it came there, or empty.
   */
  requestInfo(share: boolean, service: string): string
  /** Calls back, at once or later, with what an account may know of its own members: as one that shares. */
  introduce(then: (info: string) => void): void
}

/** A shard in Publisher.sentTo. Of more than 32, some have the same bit. */
export const bitOf = (shard: number): number => 1 << (shard & 31)

/** Something of the publisher's has gone to another shard, or waits for it. */
export function noteSent(publisher: Publisher, peer: Peer): void {
  publisher.sentTo |= bitOf(peer.index)
  if (peer.link.congested) publisher.holdForPeer(peer)
}

/** One of another shard, whose messages have come here. */
export interface RemotePublisher extends Publisher {
  /** Its request of this number, for which `asked` frames went out, has reached nobody by one of them. */
  nobodyHeard(run: Run, asked: number, question: number): void
}

/** Whether a publisher is held for a receiver that has fallen behind: a client unless options say otherwise. */
export function mayHold({ id }: Publisher, options: { readonly noFastProducerStall: boolean }): boolean {
  return id < 0 || !options.noFastProducerStall
}
