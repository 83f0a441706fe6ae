// The system account on a shard: takes requests to the server itself, asks the primary, and publishes its answers and
// its events.
//
//     client: PUB $SYS.REQ.SERVER.PING.VARZ ─▶ Plan.own ─▶ take() ── question ─▶ SystemResponder, on the primary
//     client: MSG _INBOX.7                  ◀── publish() ◀── answer ────────────┘
//
// A flood of requests is bounded here, before it crosses a port, by the number and the bytes of waiting requests.

import type { Account } from '../../accounts/account.ts'
import { ServiceImport } from '../../accounts/account.ts'
import { compileImport } from '../../accounts/imports.ts'
import { isOperatorMode } from '../../auth/setup.ts'
import { systemAccountOf } from '../../auth/system-account.ts'
import {
  SYSTEM_REQUEST_BYTES_MAX,
  SYSTEM_REQUESTS_ACCOUNT_MAX,
  SYSTEM_REQUESTS_BYTES_MAX,
  SYSTEM_REQUESTS_MAX,
} from '../../base/constants.ts'
import { attempt } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { composeRun } from '../../protocol/compose.ts'
import { headerIn } from '../../protocol/headers.ts'
import { type Run, replyOf } from '../../protocol/run.ts'
import type { Handler } from '../../routing/handler.ts'
import type { Plan } from '../../routing/plan.ts'
import type { Publisher } from '../../routing/publisher.ts'
import { isServer, SERVER, ServerPublisher } from '../../routing/server-publisher.ts'
import { byteString } from '../../subjects/byte-string.ts'
import type { SystemAnswer, SystemMessage, SystemRequest } from '../contract.ts'
import { encodeJson, signed } from '../server-info.ts'
import { IMPLICIT_IMPORTS, type Service, serviceOf } from '../services.ts'
import { ConnectionEvents } from './connection-events.ts'
import type { SystemOwner } from './owner.ts'
import { userInfo } from './user-info.ts'

/** Told to the primary: connections of these accounts have opened or closed, and there is a subscriber for that. */
export interface ConnectionsChanged {
  readonly kind: 'connectionsChanged'
  readonly accounts: readonly string[]
}

const NO_HEADERS = {}
const NOTHING = new Uint8Array(0)
const ENCODING_HEADER = 'Accept-Encoding'
/** What begins the subjects that every account may ask. */
const REQUESTS = '$SYS.REQ.'
/** What begins the subjects of requests about streams, and of those that streams hear in their own account. */
const STREAMS = '$JS.API.'
const HEARD_IN_ACCOUNT = ['$JS.API.CONSUMER.MSG.NEXT.', '$JS.API.DIRECT.GET'] as const

export class ShardSystem {
  readonly account: Account
  readonly events: ConnectionEvents
  private readonly shard: SystemOwner
  private readonly imports = new Map<Account, readonly ServiceImport[]>()
  private readonly streams = new Map<Account, ServiceImport | undefined>()
  private waiting = 0
  private waitingBytes = 0
  private readonly waitingOf = new Map<Account | undefined, number>()

  constructor(shard: SystemOwner, account: string, toPrimary: (message: ConnectionsChanged) => void) {
    this.shard = shard
    this.account = shard.accounts.named(account)
    this.events = new ConnectionEvents(shard, this, (accounts) => {
      toPrimary({ kind: 'connectionsChanged', accounts })
    })
  }

  // ── Routes ────────────────────────────────────────────────────────────────────────────────────────────

  /** Adds to a plan what the server itself does with messages on its subject (byte string). */
  extend(plan: Plan, subject: string): void {
    const { account } = plan
    if (account === this.account) plan.own = this.serviceFor(subject)
    else if (plan.services === undefined && subject.startsWith(REQUESTS)) {
      // An account's own imports come before the implicit ones.
      const tokens = subject.split('.')
      const services = this.importsOf(account).filter((service) => service.matches(tokens))
      if (services.length > 0) plan.services = services
    } else if (plan.services === undefined && this.asksForStreams(account, subject)) {
      plan.services = [this.streamsFor(account)].filter((service) => service !== undefined)
    }
  }

  /** Whether it is a request about streams that other servers of the cluster have, as this one has none. */
  private asksForStreams(account: Account, subject: string): boolean {
    const { options } = this.shard
    if (options.cluster === undefined || options.jetstream !== undefined || account.jetstream === undefined)
      return false
    return subject.startsWith(STREAMS) && !HEARD_IN_ACCOUNT.some((prefix) => subject.startsWith(prefix))
  }

  /** The way of such requests into the system account, where servers with streams take them. */
  private streamsFor(account: Account): ServiceImport | undefined {
    let service = this.streams.get(account)
    if (service === undefined) {
      const subject = `${STREAMS}>`
      service = this.importOf(account, { subject, target: () => subject, isStream: false, share: true })
      this.streams.set(account, service)
    }
    return service
  }

  private serviceFor(subject: string): Handler | undefined {
    const { identity, options } = this.shard
    const isDirectory = options.resolver?.type === 'full' || options.resolver?.type === 'cache'
    const claims = !isOperatorMode(options) ? 'none' : isDirectory ? 'all' : 'update'
    const service = serviceOf(subject, { serverId: identity.serverId, claims })
    if (service === undefined) return undefined
    return { take: (run, publisher) => this.take(service, run, publisher) }
  }

  private importsOf(account: Account): readonly ServiceImport[] {
    let imports = this.imports.get(account)
    if (imports === undefined) {
      imports = IMPLICIT_IMPORTS.map((item) => this.importOf(account, item)).filter((one) => one !== undefined)
      this.imports.set(account, imports)
    }
    return imports
  }

  private importOf(importer: Account, item: (typeof IMPLICIT_IMPORTS)[number]): ServiceImport | undefined {
    const subject = item.target(byteString(importer.name))
    const rest = { kind: 'service', subject, allowTrace: false } as const
    const settings = { ...rest, account: this.account.name, to: item.subject, prefix: '', share: item.share }
    const terms = {
      ...rest,
      accounts: undefined,
      accountTokenPosition: 0,
      response: item.isStream ? 'stream' : 'singleton',
      threshold: 0,
      latency: undefined,
    } as const
    const compiled = compileImport(settings, importer, this.account, terms)
    // An account whose name is no token of a subject has none.
    return compiled instanceof ServiceImport ? compiled : undefined
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────

  private take(service: Service, run: Run, publisher: Publisher): number {
    // Messages of the server itself are no requests: answers to a reply subject that is a service end here.
    if (isServer(publisher)) return 0
    const reply = replyOf(run)
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride
      const header = run.block.bytes.subarray(start, start + run.headerSize)
      const body = run.block.bytes.subarray(start + run.headerSize, start + run.size)
      const acceptEncoding = run.headerSize === 0 ? '' : headerIn(header, ENCODING_HEADER)
      this.serve(service, reply, acceptEncoding, body, publisher)
    }
    return run.count
  }

  /** `body` is valid during the call only. */
  private serve(service: Service, reply: string, acceptEncoding: string, body: Buffer, publisher: Publisher): void {
    const { shard } = this
    const client = shard.clients.get(publisher.id)
    if (service.name === 'USER.INFO') {
      if (client !== undefined && reply !== '') this.reply(reply, { data: userInfo(client, shard) })
      return
    }
    const max = service.name.startsWith('CLAIMS.') ? shard.options.maxPayload : SYSTEM_REQUEST_BYTES_MAX
    if (body.length > max) {
      this.refuse(reply, 400, 'request is too large')
      return
    }
    const asker = client?.account
    if (!this.hasRoom(asker, body.length)) {
      this.refuse(reply, 503, 'too many requests are waiting')
      return
    }
    const request: SystemRequest = {
      service,
      asker: asker?.name ?? '',
      hasReply: reply !== '',
      acceptEncoding,
      body: new Uint8Array(body),
    }
    attempt(this.shard.bugMet, () => this.ask(request, asker, reply))
  }

  private hasRoom(asker: Account | undefined, bytes: number): boolean {
    if (this.waiting >= SYSTEM_REQUESTS_MAX || this.waitingBytes + bytes > SYSTEM_REQUESTS_BYTES_MAX) return false
    return asker === this.account || (this.waitingOf.get(asker) ?? 0) < SYSTEM_REQUESTS_ACCOUNT_MAX
  }

  private async ask(request: SystemRequest, asker: Account | undefined, reply: string): Promise<void> {
    this.count(asker, 1, request.body.length)
    const answer = await this.shard.questions.ask('system', { request })
    if (answer !== undefined && reply !== '') await this.answer(reply, answer)
    this.count(asker, -1, -request.body.length)
  }

  /** Resolves when the answer is on its way to all subscribers: until then the request counts as waiting. */
  private async answer(reply: string, { payloads, headers }: SystemAnswer): Promise<void> {
    const publisher = new ServerPublisher()
    for (const payload of payloads) {
      this.shard.wake()
      this.publish(reply, payload, headers, this.account, publisher)
      if (publisher.congested) await new Promise<void>((resolve) => publisher.whenRelieved(resolve))
    }
  }

  private count(asker: Account | undefined, requests: number, bytes: number): void {
    this.waiting += requests
    this.waitingBytes += bytes
    const waiting = (this.waitingOf.get(asker) ?? 0) + requests
    if (waiting === 0) this.waitingOf.delete(asker)
    else this.waitingOf.set(asker, waiting)
  }

  private refuse(reply: string, code: number, description: string): void {
    if (reply !== '') this.reply(reply, { error: { code, description } })
  }

  /** An answer that the shard makes by itself. */
  private reply(reply: string, content: Readonly<Record<string, Json>>): void {
    // While the request is under way, which may have come by the import that the answer takes.
    this.shard.serviceCalls.apart(() => this.publish(reply, encodeJson(this.signed(content))))
  }

  // ── Events ────────────────────────────────────────────────────────────────────────────────────────────

  /** Publishes an event, of this shard's account or another, if there is a subscriber. */
  announce(subject: string, event: () => Readonly<Record<string, Json>>, account = this.account): void {
    if (this.isHeard(subject, account)) this.publish(subject, encodeJson(event()), NO_HEADERS, account)
  }

  /** Whether a message on a subject (byte string) would reach a subscriber on any shard. */
  isHeard(subject: string, account = this.account): boolean {
    const { shard } = this
    let isHeard = false
    composeRun(shard.pool, { subject, reply: '', headers: NO_HEADERS, payload: NOTHING }, (run) => {
      const { groups, limited, queues, internal, services, peers } = shard.router.planner.planOf(run, account)
      isHeard = groups.length > 0 || [limited, queues, internal, services, peers].some((one) => one !== undefined)
    })
    return isHeard
  }

  /** `content`, after what is said of the server. */
  signed(content: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
    return signed(this.shard, this.shard.sequence, content)
  }

  // ── What is published ─────────────────────────────────────────────────────────────────────────────────

  /** What the primary has to tell. */
  tell(messages: readonly SystemMessage[]): void {
    this.shard.wake()
    for (const { subject, payload } of messages) this.publish(subject, payload)
    // The server may be about to end: other shards find it in their rings before they are told to.
    this.shard.flush()
  }

  private publish(
    subject: string,
    payload: Uint8Array,
    headers: SystemAnswer['headers'] = NO_HEADERS,
    account = this.account,
    publisher = SERVER,
  ): void {
    const { shard } = this
    composeRun(shard.pool, { subject, reply: '', headers, payload }, (run) => {
      shard.router.dispatch(run, account, publisher)
    })
    shard.schedule()
  }
}

/** Undefined: there is no system account. */
export function createShardSystem(
  shard: SystemOwner,
  toPrimary: (message: ConnectionsChanged) => void,
): ShardSystem | undefined {
  const account = systemAccountOf(shard.options)
  return account === undefined ? undefined : new ShardSystem(shard, account, toPrimary)
}
