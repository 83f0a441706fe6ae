// The server as a publisher. It is no connection whose reads could be paused, so it is held back in two ways: its
// single messages (events, measurements, its own requests) are dropped where a link is full (link.ts); where it has
// several messages to send and can wait, a ServerPublisher tells when to continue.

import type { Peer } from './peer.ts'
import type { Publisher } from './publisher.ts'

/** The number that no connection has: it is no client whose echo would be kept from it. */
export const SERVER_ID = 0

class Server implements Publisher {
  readonly id = SERVER_ID
  readonly awaitsResponders = false

  holdFor(): void {}

  holdForPeer(_peer: Peer): void {}

  get passing(): undefined {
    return undefined
  }

  set passing(_shards: Set<number> | undefined) {}

  /** No connection that could be held. */
  sentTo = 0

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
  private readonly behind = new Set<Peer>()
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
    peer.link.whenRelieved(() => {
      this.behind.delete(peer)
      if (this.congested) return
      const { reliefs } = this
      this.reliefs = []
      for (const relief of reliefs) relief()
    })
  }
}

/** Whether a message comes from the server itself. */
export const isServer = (publisher: Publisher): boolean => publisher instanceof Server
