// A shard as its clients see it: real memory, index, router and turns, and no loop. A test ends the turns, answers
// logins, and sees what a client tells of itself. The client's bytes go over a real socket.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { AccountConnections } from '../../src/accounts/account-connections.ts'
import { Accounts } from '../../src/accounts/accounts.ts'
import { type Identity, identity, type Refusal } from '../../src/auth/identity.ts'
import type { AuthRequest, Soon } from '../../src/auth/request.ts'
import { REGION_BYTES } from '../../src/base/constants.ts'
import type { Fault } from '../../src/base/errors.ts'
import { TimerWheel } from '../../src/base/timer-wheel.ts'
import { Turns } from '../../src/base/turns.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { Client } from '../../src/connection/client.ts'
import type { ClientFacts } from '../../src/connection/facts.ts'
import type { ClientOwner, Expiring } from '../../src/connection/owner.ts'
import { PermissionSets } from '../../src/connection/rights.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion, InterestWriter } from '../../src/interest/writer.ts'
import { Log } from '../../src/log/log.ts'
import { allocateBlock } from '../../src/memory/block.ts'
import { ChunkPool } from '../../src/memory/chunk-pool.ts'
import { adopt } from '../../src/net/handle.ts'
import type { KeepAlive } from '../../src/net/keep-alive.ts'
import type { Outbound } from '../../src/net/outbound.ts'
import type { TcpTransport } from '../../src/net/tcp-transport.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import type { Run } from '../../src/protocol/run.ts'
import type { RouterOwner } from '../../src/routing/owner.ts'
import type { Peer } from '../../src/routing/peer.ts'
import { Router } from '../../src/routing/router.ts'
import { Sublist } from '../../src/routing/sublist.ts'
import { identity as serverIdentity } from '../support/identity.ts'
import { until } from '../support/until.ts'
import { OPEN } from './facts.ts'

const READ_START = 64 * 1024
const READ_BYTES = 64 * 1024

export class TestShard implements ClientOwner, RouterOwner {
  readonly index = 0
  readonly seed = 7
  readonly schedule = (): void => undefined
  options = normaliseOptions({ port: -1, workers: 0 })
  identity = serverIdentity({ maxPayload: 1024 * 1024 })
  nowMs = 1_000
  /** What the clients have told of themselves, and what went wrong. */
  readonly events: string[] = []
  readonly bugs: unknown[] = []
  readonly peers: Peer[] = []
  greeting = OPEN
  /** What a login is answered. */
  answer: (request: AuthRequest) => Soon<Identity | Refusal> = () => identity('none', '', '$G')
  readonly admission: ClientOwner['admission'] = {
    authenticator: { greeting: () => this.greeting, knowsUser: () => true, proofOf: () => '' },
    timeoutMs: 100_000,
    identify: (request) => this.answer(request),
    identifyInTurn: (request) => this.answer(request),
    accountTag: (name) => name,
  }
  readonly clock = {
    nowMs: 0,
    get dateMs() {
      return Date.now()
    },
  }
  readonly turns = new Turns()
  readonly log = new Log(this.options, { name: 'test', opened: new SharedArrayBuffer(4) })
  readonly generations = new Generations()
  readonly accounts = new Accounts()
  readonly accountConnections = new AccountConnections(1)
  readonly hooks = undefined
  readonly permissionSets = new PermissionSets()
  readonly pings = new TimerWheel<KeepAlive>(10, 0)
  readonly expiries = new TimerWheel<Expiring>(10, 0)
  readonly readStart = READ_START
  readonly readBlock = allocateBlock(READ_START + READ_BYTES)
  readonly tls: ClientOwner['tls'] = {
    certificateOf: () => undefined,
    detailsOf: () => undefined,
    hello: () => undefined,
  }
  readonly sublist: Sublist
  readonly router: Router
  readonly tracing = { mayConcern: () => false, publish: (run: Run, _: unknown, act: (run: Run) => void) => act(run) }
  readonly records = {
    counters: { stall: () => void this.events.push('stalled') },
    dropped: (_: ClientFacts, messages: number) => void this.events.push(`dropped ${messages}`),
    triedAgain: () => void this.events.push('tried again'),
  }
  readonly system = undefined
  readonly lastServed = { turnTo: () => undefined }
  readonly serviceCalls = { call: () => 0 }
  private marked: Outbound[] = []
  private leaving: Client[] = []
  /** What other shards' publishers have flushed, when a client asks for that to come first. */
  onCatchUp: () => void = () => undefined

  readonly pool = new ChunkPool()

  constructor() {
    const region = createRegion(REGION_BYTES)
    this.sublist = new Sublist(region, new InterestWriter(region, this.generations, this.seed))
    this.router = new Router(this)
  }

  readonly bugMet = (error: unknown): void => void this.bugs.push(error)
  beginRead(): void {}
  endRead(): void {}
  groupLeftOut(): void {}

  wake(): void {}
  publish(): void {}
  readonly abroad = { routes: false, hubs: false, leafs: false }
  extendPlan(): void {}
  clockMs(): number {
    return this.nowMs
  }
  wallClock(ms: number): number {
    return ms
  }
  wakeBehindRings(): void {
    this.catchUp()
  }
  catchUp(): void {
    this.onCatchUp()
  }
  mark(outbound: Outbound): void {
    this.marked.push(outbound)
  }
  closed(client: ClientFacts, { reason }: Fault): void {
    this.events.push(`closed: ${reason}`)
    this.leaving.push(client as Client)
  }
  forget(client: ClientFacts): void {
    this.events.push('forgotten')
    ;(client as Client).outbound.close()
  }

  /** Ends the turn. */
  flush(): void {
    this.router.delivery.endTurn()
    for (const outbound of this.marked.splice(0)) outbound.flush()
    for (const client of this.leaving.splice(0)) client.attempt(() => client.release())
  }

  /** The server publishes, from outside of all clients. */
  deliver(subject: string, payload: string, account = '$G'): number {
    let sent = 0
    const publisher = {
      id: 99,
      passing: undefined,
      sentTo: 0,
      awaitsResponders: false,
      holdFor: () => undefined,
      holdForPeer: () => undefined,
      requestInfo: () => '',
      introduce: () => undefined,
    }
    composeRun(this.pool, { subject, reply: '', headers: {}, payload: Buffer.from(payload) }, (run) => {
      sent = this.router.dispatch(run, this.accounts.named(account), publisher)
    })
    return sent
  }
}

export interface Stage {
  readonly shard: TestShard
  readonly client: Client
  /** The peer's end. */
  readonly peer: Socket
  /** Operations come, as if they had been read. */
  send(operations: string): void
  /** Ends the turn, and waits until the peer has read something that ends so; answers all since the last time. */
  read(end: string): Promise<string>
  /** What the peer has read when the server has closed. */
  readToEnd(): Promise<string>
}

let nextId = 1

/** A client of a shard, greeted and started; `before` that something may happen to its socket. */
export async function stage(
  shard = new TestShard(),
  before: (socket: TcpTransport) => unknown = () => undefined,
): Promise<Stage> {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const peer = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [[arrived]] = await Promise.all([accepted, once(peer, 'connect')])
  listener.close()
  const buffer = shard.readBlock.bytes.subarray(shard.readStart)
  const socket = adopt(arrived, buffer, (bytes) => client.socketOnRead(bytes), shard.bugMet)
  if (socket === undefined) throw new Error('the connection is gone')
  const client: Client = new Client(shard, nextId++, socket)
  await before(socket)
  onTestFinished(() => {
    client.destroy()
    peer.destroy()
  })
  let text = ''
  let ended = false
  peer.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
  })
  peer.on('error', () => undefined)
  peer.on('close', () => {
    ended = true
  })
  const take = (): string => {
    const all = text
    text = ''
    return all
  }
  client.greet()
  client.start(socket, undefined)
  return {
    shard,
    client,
    peer,
    send(operations) {
      const length = buffer.write(operations, 'latin1')
      client.socketOnRead(length)
    },
    async read(end) {
      await until(`${JSON.stringify(end)}, after ${JSON.stringify(text)}`, () => {
        shard.flush()
        return text.endsWith(end)
      })
      return take()
    },
    async readToEnd() {
      await until('the end', () => {
        shard.flush()
        return ended
      })
      return take()
    },
  }
}
