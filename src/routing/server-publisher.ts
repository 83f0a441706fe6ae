// The server as a publisher. It is no connection whose reads could be paused, so it is held back in two ways: its
// single messages (events, measurements, its own requests) are dropped where a link is full (link.ts); where it has
// several messages to send and can wait, a ServerPublisher tells when to continue; where it sends as long as somebody
// takes it, a CreditPublisher waits for receivers as well.

import type { Outbound } from '../net/outbound.ts'
import type { Peer } from './peer.ts'
import type { Publisher } from './publisher.ts'

/** The number that no connection has: it is no client whose echo would be kept from it. */
export const SERVER_ID = 0

class Server implements Publisher {
  readonly id: number
  readonly awaitsResponders = false

  holdFor(_receiver: Outbound): void {}

  holdForPeer(_peer: Peer): void {}

  get passing(): undefined {
    return undefined
  }

  set passing(_shards: Set<number> | undefined) {}

  /** No connection that could be held. */
  sentTo = 0

  constructor(id = SERVER_ID) {
    this.id = id
  }

  requestInfo(): string {
    return ''
  }

  introduce(then: (info: string) => void): void {
    then('')
  }
}

/** For single messages that nothing waits for. */
export const SERVER: Publisher = new Server()

/** For messages that one source sends one after the other: it waits between them where they pile up. */
export class ServerPublisher extends Server {
  /** Rings, receivers of this shard, and numbers of shards with receivers that have fallen behind. */
  protected readonly behind = new Set<Peer | Outbound | number>()
  private reliefs: (() => void)[] = []

  /** Frames of its own wait for a ring: no more should be published for now. */
  get congested(): boolean {
    return this.behind.size > 0
  }

  whenRelieved(callback: () => void): void {
    if (this.congested) this.reliefs.push(callback)
    else callback()
  }

  override holdForPeer(peer: Peer): void {
    if (this.behind.has(peer)) return
    this.behind.add(peer)
    peer.link.whenRelieved(() => this.relieved(peer))
  }

  protected relieved(by: Peer | Outbound | number): void {
    if (!this.behind.delete(by) || this.congested) return
    const { reliefs } = this
    this.reliefs = []
    for (const relief of reliefs) relief()
  }
}

/**
 * For a source that never ends. It waits for receivers too, here and on other shards, as a client does that publishes;
 * nothing that it sends is dropped. Its number is below 0: no connection has it.
 */
export class CreditPublisher extends ServerPublisher {
  override holdFor(receiver: Outbound): void {
    if (this.behind.has(receiver) || receiver.isClosed) return
    this.behind.add(receiver)
    receiver.whenRelieved(() => this.relieved(receiver))
  }

  /** A receiver on another shard has fallen behind. */
  holdForShard(index: number): void {
    this.behind.add(index)
  }

  releaseForShard(index: number): void {
    this.relieved(index)
  }
}

/** The CreditPublishers of a shard, by their numbers. */
export class CreditPublishers {
  private readonly open = new Map<number, CreditPublisher>()
  private latest = 0

  add(): CreditPublisher {
    const publisher = new CreditPublisher(--this.latest)
    this.open.set(publisher.id, publisher)
    return publisher
  }

  remove({ id }: CreditPublisher): void {
    this.open.delete(id)
  }

  get(id: number): CreditPublisher | undefined {
    return this.open.get(id)
  }

  /** A shard has died: nobody is behind there. */
  releaseForShard(index: number): void {
    for (const publisher of this.open.values()) publisher.releaseForShard(index)
  }
}

/** Whether a message comes from the server itself. */
export const isServer = (publisher: Publisher): boolean => publisher instanceof Server
