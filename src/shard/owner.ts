// The interface that the parts of a shard need of it: entries of connections, admission, and timers.

import type { Socket } from 'node:net'
import type { Account } from '../accounts/account.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { OnBug } from '../base/guarded.ts'
import type { LoopClock } from '../base/loop-clock.ts'
import type { Client } from '../connection/client.ts'
import type { ClientOwner } from '../connection/owner.ts'
import type { Generations } from '../interest/generations.ts'
import type { Judge } from '../leaf/greeting.ts'
import type { Log } from '../log/log.ts'
import type { Arrival } from '../net/handle.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Link } from '../remote/owner.ts'
import type { Sublist } from '../routing/sublist.ts'
import type { Subscription } from '../routing/subscription.ts'
import type { ServicesOwner } from '../services/owner.ts'
import type { Questions } from '../threads/primary-rpc.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'
import type { WebSocketSession } from '../websocket/handshake.ts'
import type { WebSocketTransport } from '../websocket/transport.ts'

interface Awake {
  readonly bugMet: OnBug
  readonly options: Options
  /** Something else than a read makes the shard work. */
  wake(): void
}

export interface ArrivalsOwner {
  readonly bugMet: OnBug
  /** Begins to serve a connection. */
  take(arrival: Arrival): void
  /** A shard that is to stop ends with its last connection. */
  endIfEmpty(): void
}

export interface ConnectionsOwner extends ClientOwner {
  readonly tls: ClientOwner['tls'] & {
    /** Whether connections are to come by enter(). */
    readonly comesFirst: boolean
    configure(settings: TlsSettings | undefined): void
    enter(client: Client, socket: Socket): void
  }
  /** Where WebSockets go that turn out to be leaf nodes. */
  readonly links: {
    readonly takesLeafs: boolean
    admitLeaf(id: number, transport: WebSocketTransport, session: WebSocketSession): void
  }
  /** All sockets of the shard read into this one. */
  readonly readBuffer: Buffer
  /** A shard that is to stop ends with its last connection. */
  endIfEmpty(): void
}

/** The entries of connections: plain, with a PROXY header, or with TLS. */
export interface EntryOwner extends Awake, Pick<ClientOwner, 'identity' | 'system'> {
  readonly log: Pick<Log, 'warn'>
  readonly bugMet: OnBug
  /** All sockets of the shard read into this one. */
  readonly readBuffer: Buffer
  readonly questions: Pick<Questions, 'checkPeer'>
}

/** A client that admission checks again, and its subscriptions. */
export interface AdmittedClient
  extends Pick<Client, 'closing' | 'account' | 'attempt' | 'failed' | 'refuse' | 'close'> {
  readonly subscriptions: { values(): Iterable<Subscription> }
  readonly login: Pick<Client['login'], 'identity' | 'review' | 'stay'>
  readonly operations: Pick<Client['operations'], 'recount' | 'closeIfExcess'>
}

export interface AdmissionOwner extends Awake, ServicesOwner {
  readonly log: Pick<Log, 'warn'>
  readonly identity: ServerIdentity
  readonly clock: Pick<LoopClock, 'dateMs'>
  readonly accounts: Accounts
  readonly clients: { values(): Iterable<AdmittedClient> }
  readonly links: {
    accountChanged(account: string, judge: Judge): void
    importsChanged(accounts: ReadonlySet<Account>): void
  }
  readonly sublist: Pick<Sublist, 'insert' | 'reimport'>
  readonly generations: Pick<Generations, 'advanceAll'>
  /** The same, behind what other shards' publishers have flushed. */
  wakeBehindRings(): void
}

/** A client that is looked at now and then. */
interface SweptClient {
  /** Does something of this connection's for the event loop. */
  attempt(act: () => unknown): void
  sweep(nowMs: number): void
}

export interface TimersOwner extends Omit<Awake, 'options'> {
  readonly index: number
  readonly options: Pick<Options, 'pingInterval' | 'websocket' | 'writeDeadline'>
  /** As of this turn, and as the loop lives it. */
  readonly nowMs: number
  readonly clock: Pick<LoopClock, 'nowMs' | 'dateMs' | 'tick'>
  readonly log: Pick<Log, 'follow' | 'complaintsCounted'>
  readonly clients: { values(): Iterable<SweptClient> }
  readonly links: { values(): Iterable<Pick<Link, 'attempt' | 'sweep'>> }
  readonly records: {
    readonly slowWatch: {
      beginSweep(nowMs: number): void
      look(client: object, nowMs: number): void
      endSweep(nowMs: number): void
    }
    addUpTraffic(): void
  }
  readonly router: { readonly planner: { sweep(): void } }
  readonly peers: readonly { sweep(): void }[]
  readonly serviceCalls: { sweep(): void }
  readonly pool: { trim(): void }
}
