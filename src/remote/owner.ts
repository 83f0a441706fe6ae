// The interface that links to other servers need of their shard.

import type { Account } from '../accounts/account.ts'
import type { Fault } from '../base/errors.ts'
import type { OnBug } from '../base/guarded.ts'
import type { Turns } from '../base/turns.ts'
import type { Log } from '../log/log.ts'
import type { Block } from '../memory/block.ts'
import type { KeepAliveShard } from '../net/keep-alive.ts'
import type { OutboundOwner } from '../net/outbound.ts'
import type { Options } from '../options/options.ts'
import type { Peer } from '../routing/peer.ts'
import type { Router } from '../routing/router.ts'
import type { Sublist } from '../routing/sublist.ts'

/** A link as its shard sees it, whatever kind it is. */
export interface Link {
  readonly id: number
  readonly closing: boolean
  readonly sentTo: number
  attempt(act: () => unknown): void
  close(fault: Fault): void
  holdForPeer(peer: Peer): void
  /** Called every second or so. */
  sweep(): void
  /** Step two of closing. */
  release(): void
  /** Ends the socket whatever is queued. */
  destroy(): void
}

export interface LinkOwner extends OutboundOwner, KeepAliveShard {
  readonly options: Options
  readonly turns: Turns
  /** All sockets of the shard read into this one, from readStart on. */
  readonly readBlock: Block
  readonly readStart: number
  readonly accounts: { readonly global: Account; named(name: string): Account }
  readonly router: Pick<Router, 'dispatch'>
  readonly sublist: Pick<Sublist, 'insert' | 'replace' | 'remove' | 'removeInPieces'>
  readonly log: Pick<Log, 'bug' | 'complaint' | 'debug' | 'error' | 'info' | 'trace' | 'warn'>
  readonly lastServed: { turnTo(id: number, text: () => string): void }
  readonly bugMet: OnBug
  beginRead(): void
  endRead(): void
  /** Something else than a read makes the shard work. */
  wake(): void
  /** The same for what ends something: it comes behind what other shards' publishers have flushed. */
  wakeBehindRings(): void
  /** Asks for the end of the turn. */
  schedule(): void
  /** It began to close: it is released at the end of the turn. */
  linkClosed(link: Link): void
  /** Its socket is gone. */
  forgetLink(link: Link): void
}
