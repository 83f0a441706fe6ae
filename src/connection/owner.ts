// The interface that a client needs of its shard. A test supplies a literal.

import type { Account } from '../accounts/account.ts'
import type { AccountConnections } from '../accounts/account-connections.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import type { Identity, Refusal } from '../auth/identity.ts'
import type { AuthRequest, PeerCertificate, Soon, TlsDetails } from '../auth/request.ts'
import type { Fault } from '../base/errors.ts'
import type { OnBug } from '../base/guarded.ts'
import type { LoopClock } from '../base/loop-clock.ts'
import type { Timed, TimerWheel } from '../base/timer-wheel.ts'
import type { Turns } from '../base/turns.ts'
import type { Generations } from '../interest/generations.ts'
import type { Block } from '../memory/block.ts'
import type { KeepAliveShard } from '../net/keep-alive.ts'
import type { OutboundOwner } from '../net/outbound.ts'
import type { Options } from '../options/options.ts'
import type { Hello, ServerIdentity } from '../protocol/handshake.ts'
import type { Run } from '../protocol/run.ts'
import type { Router } from '../routing/router.ts'
import type { Sublist } from '../routing/sublist.ts'
import type { TracedPublisher } from '../routing/trace.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { ClientLogOwner } from './client-log.ts'
import type { ClientFacts } from './facts.ts'
import type { PermissionSets } from './rights.ts'

/** Which clients may log in. */
export interface LoginDesk {
  readonly authenticator: Pick<Authenticator, 'greeting' | 'knowsUser' | 'proofOf'>
  /** Milliseconds that CONNECT, and the answer to it, may take. */
  readonly timeoutMs: number
  identify(request: AuthRequest): Soon<Identity | Refusal>
  /** The same, in turn with others whose signatures are to be checked. */
  identifyInTurn(request: AuthRequest, isGone: () => boolean): Soon<Identity | Refusal>
  /** The display name of an account. */
  accountTag(name: string): string
}

/** A login whose identity ends. */
export interface Expiring extends Timed {
  expired(): void
}

/** What is known of connections by TLS. */
export interface TlsFacts {
  certificateOf(session: TlsSession | undefined): PeerCertificate | undefined
  detailsOf(session: TlsSession | undefined): TlsDetails | undefined
  /** What INFO says of TLS to a client. */
  hello(client: Pick<ClientFacts, 'isLocal' | 'tls' | 'webSocket'>): Hello['tls']
}

/** Told of what happens to clients, for the monitoring pages and the log. */
export interface ClientRecords {
  readonly counters: { stall(): void }
  /** Messages for it were dropped, as more would have waited than may. */
  dropped(client: ClientFacts, messages: number): void
  /** It missed a write deadline and gets more time; `still`: it was given some before. */
  triedAgain(client: ClientFacts, still: boolean): void
}

/** Told of clients for an embedding program. */
export interface ClientHooks {
  /** It has logged in. */
  connected(client: ClientFacts): void
  /** Messages for it were dropped. */
  dropped(client: ClientFacts, messages: number, pendingBytes: number): void
}

/** Follows messages that ask for it. */
export interface MessageTracing {
  mayConcern(run: Run, account: Account): boolean
  publish(run: Run, client: TracedPublisher, process: (run: Run) => void): void
}

export interface ClientOwner extends OutboundOwner, KeepAliveShard, ClientLogOwner {
  /** Of the shard. */
  readonly index: number
  readonly options: Options
  readonly identity: ServerIdentity
  readonly clock: Pick<LoopClock, 'nowMs' | 'dateMs'>
  readonly turns: Turns
  /** All sockets of the shard read into this one, from readStart on. */
  readonly readBlock: Block
  readonly readStart: number
  readonly accounts: { readonly global: Account; named(name: string): Account }
  readonly accountConnections: Pick<AccountConnections, 'join' | 'leave' | 'leaveIfExcess'>
  readonly permissionSets: PermissionSets
  readonly admission: LoginDesk
  /** When the identity of each client ends. */
  readonly expiries: TimerWheel<Expiring>
  readonly tls: TlsFacts
  readonly router: Pick<Router, 'planner' | 'dispatch' | 'map' | 'whenPassed' | 'departures' | 'trace'>
  readonly sublist: Pick<Sublist, 'insert' | 'remove' | 'removeInPieces'>
  readonly generations: Pick<Generations, 'advanceAll' | 'advanceFor'>
  readonly tracing: MessageTracing
  readonly records: ClientRecords
  /** Undefined: there is no system account. */
  readonly system: { readonly account: Account; readonly events: { connected(client: ClientFacts): void } } | undefined
  /** Undefined: no embedding program wants to know. */
  readonly hooks: ClientHooks | undefined
  readonly lastServed: { turnTo(id: number, text: () => string): void }
  readonly bugMet: OnBug
  /** A read begins, and ends. */
  beginRead(): void
  endRead(): void
  /** Something else than a read makes the shard work. */
  wake(): void
  /** The same for what ends or answers something: it comes behind what other shards' publishers have flushed. */
  wakeBehindRings(): void
  /** Deals with everything that other shards' publishers have flushed by now. */
  catchUp(): void
  /** Milliseconds since 1970 of an instant on the shard's clock. */
  wallClock(ms: number): number
  /** The client began to close: it is released at the end of the turn. */
  closed(client: ClientFacts, fault: Fault): void
  /** Its socket is gone. */
  forget(client: ClientFacts): void
}

/** What a login needs of it. */
export type LoginOwner = Pick<ClientOwner, 'admission' | 'clock' | 'tls' | 'expiries' | 'wake'>
