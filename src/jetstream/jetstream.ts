// JetStream on a shard: takes requests to the API, wherever they are published, carries out those about its own streams
// and about accounts, and hands the others to the shards that own their streams.
//
//     shard 0   client: PUB $JS.API.STREAM.INFO.S ─▶ Plan.own ─▶ take() ─┬─ S is ours: answer
//                                                                        └─ ring, as a message in an account of our own
//     shard 1   ◀────────────────────────────────────────────────────────── InternalSubscription `1` ─▶ answer
//
// A stream belongs to the shard that its account and name give by a hash, whether it exists or not: whoever asks about
// it, asks there. The list of all streams is with the primary (primary/stream-list.ts).

import type { Account } from '../accounts/account.ts'
import { BETWEEN_SHARDS } from '../accounts/accounts.ts'
import { API_LEVEL } from '../base/constants.ts'
import { goJson } from '../base/go-format.ts'
import { attempt } from '../base/guarded.ts'
import type { Json } from '../base/json.ts'
import { composeRaw } from '../protocol/compose.ts'
import { rewriteRun } from '../protocol/rewrite.ts'
import { type Run, replyOf } from '../protocol/run.ts'
import type { Plan } from '../routing/plan.ts'
import type { Publisher } from '../routing/publisher.ts'
import { SERVER } from '../routing/server-publisher.ts'
import { InternalSubscription } from '../routing/subscription.ts'
import { byteString, properText } from '../subjects/byte-string.ts'
import { AccountStreams } from './account-streams.ts'
import { verbOf } from './api.ts'
import { isAudited, tellRequest } from './audit.ts'
import { advanceClock } from './clock.ts'
import { consumersOf } from './consumers/consumer.ts'
import type { ListedStream, ShardStreams } from './contract.ts'
import { type ApiError, apiError } from './errors.ts'
import { Header, headerBlock, readHeaders } from './message-headers.ts'
import type { JetStreamOwner } from './owner.ts'
import { shardOf } from './placement.ts'
import { ScheduleTimer } from './schedules/schedule-timer.ts'
import { Sender } from './sender.ts'
import type { DiskFaults } from './storage/faulty-disk.ts'
import type { StoreService } from './storage/store-service.ts'
import { Stores } from './stores.ts'
import type { Stream } from './stream.ts'
import { listedInfo } from './stream-info.ts'
import { systemAnswer } from './system-account.ts'
import { Usage } from './usage.ts'
import { HeadedAnswer, type Verb } from './verb.ts'

const PREFIX = '$JS.API.'
/** What is published under these, behind the domain’s prefix, is published without it. */
const IN_DOMAIN = ['$KV.', '$OBJ.'] as const
/** What a domain’s prefix stands before, as long as it is a request. */
const OF_DOMAIN = ['INFO', 'STREAM', 'CONSUMER', 'DIRECT', 'META', 'SERVER', 'ACCOUNT', '$KV', '$OBJ'] as const
/** Requests that streams and consumers themselves hear, as subscribers. */
const HEARD_BY_STREAMS = ['DIRECT.GET.', 'CONSUMER.MSG.NEXT.'] as const
const ACCOUNT_HEADER = 'Account'
const SUBJECT_HEADER = 'Subject'
const CLIENT_HEADER = 'Client'
/** Requests of a shard that wait for their answers. */
const REQUESTS_MAX = 10_000
const REQUESTS_BYTES_MAX = 64 * 1024 * 1024
/** Streams that are opened at the same time: what the store thread does for one goes on beside the work on others. */
const OPENED_AT_ONCE = 8
const NOTHING = Buffer.alloc(0)
const TYPE = 'io.nats.jetstream.api.v1.'

interface Request {
  readonly account: Account
  readonly verb: Verb
  readonly tokens: readonly string[]
  /** Byte string; empty: it is carried out silently. */
  readonly reply: string
  readonly body: Buffer
  /** Who asks, in JSON as a byte string, or empty; undefined: nobody wants to be told of it. */
  readonly client: string | undefined
  readonly identity: string | undefined
}

/** A stream as it is reported. */
interface StreamReport {
  readonly name: string
  readonly info: { readonly [member: string]: Json }
  readonly consumers: readonly Json[]
}

export class JetStream {
  private readonly owner: JetStreamOwner
  private readonly accounts = new Map<Account, Promise<AccountStreams> | AccountStreams>()
  private readonly between: Account
  /** Requests that are not answered yet. */
  private waiting = 0
  private waitingBytes = 0
  private readonly given: ShardStreams
  private readonly serverUsage: Usage
  private readonly stores: Stores
  private readonly scheduleTimer: ScheduleTimer
  private readonly shards: number
  /** Streams of before are open. */
  private adopted: Promise<void> = Promise.resolve()
  private isClosing = false
  /** By how much tests have put the clock forward. */
  private aheadMs = 0

  constructor(owner: JetStreamOwner, given: ShardStreams, store: StoreService) {
    this.owner = owner
    this.given = given
    this.serverUsage = new Usage(given.serverUsage)
    this.stores = new Stores(owner, store)
    this.scheduleTimer = new ScheduleTimer(owner)
    this.shards = Math.max(1, owner.options.workers)
    this.between = owner.accounts.named(BETWEEN_SHARDS)
    for (const { name, usage } of given.accounts) this.enter(owner.accounts.named(name), usage)
    const heard = new InternalSubscription(this.between, String(owner.index), (run) => this.receive(run))
    owner.sublist.insert(heard)
  }

  /**
   * Opens the streams that were this shard's when it began, several at a time. Requests about a stream wait until it is
   * open: that it is not there would be a wrong answer. Resolves when all are open.
   */
  adopt(): Promise<void> {
    const openings: (() => Promise<void>)[] = []
    for (const { name, streams } of this.given.accounts) {
      // What the account may have is said by a token that may be far away: its streams do not wait for it.
      if (streams.length > 0) attempt(this.owner.bugMet, () => this.owner.admission.learn(name))
      const own = this.accounts.get(this.owner.accounts.named(name)) as AccountStreams
      for (const listed of streams) {
        const { promise, resolve } = Promise.withResolvers<void>()
        own.inOrder(listed.config.name, () => promise)
        openings.push(() => this.reopen(own, listed).finally(resolve))
      }
    }
    const left = openings.values()
    const openNext = async (): Promise<void> => {
      for (const open of left) if (!this.isClosing) await open()
    }
    this.adopted = Promise.all(Array.from({ length: OPENED_AT_ONCE }, openNext)).then(() => undefined)
    return this.adopted
  }

  /** What cannot be opened stays on the disk; the others are served. */
  private async reopen(own: AccountStreams, listed: ListedStream): Promise<void> {
    const { log } = this.owner
    const name = `${listed.account} > ${listed.config.name}`
    try {
      const consumers = listed.id > 0 ? await this.stores.service.consumers(listed.id) : []
      if ((await own.open(listed, consumers)) === undefined)
        log.error(`Stream '${name}' has no room in the index for its subjects`)
    } catch (error) {
      log.error(`Stream '${name}' could not be recovered: ${error instanceof Error ? error.message : String(error)}`)
      own.ails(listed, 'could not be recovered')
    }
  }

  /** The streams of an account on this shard, as far as they are known. */
  get streams(): AccountStreams[] {
    return [...this.accounts.values()].filter((each) => each instanceof AccountStreams)
  }

  /** All that is known of an account's streams (byte string), those that are this shard's, and of their consumers. */
  report(account: string, names: readonly string[], withConsumers: boolean): StreamReport[] {
    const own = this.streams.find((each) => each.account.name === account)
    return names.flatMap((name) => {
      const stream = own?.streams.get(name)
      if (stream === undefined) return []
      const consumers = withConsumers ? consumersOf(stream).map((consumer) => consumer.info(true)) : []
      return [{ name, info: listedInfo(stream), consumers }]
    })
  }

  private get opened(): Stream[] {
    return this.streams.flatMap(({ streams }) => [...streams.values()])
  }

  /** Puts the clock forward, and does what has become due: ends of messages, waits of consumers, schedules. */
  advanceClock(ms: number): void {
    this.aheadMs += ms
    advanceClock(ms)
    this.scheduleTimer.ring()
    for (const stream of this.opened) {
      stream.expiry.clockAdvanced()
      for (const consumer of consumersOf(stream)) consumer.clockAdvanced()
    }
  }

  /** From now on the disk fails so, for tests. */
  setDiskFaults(faults: DiskFaults): void {
    this.stores.disk.faults = faults
  }

  async close(): Promise<void> {
    this.isClosing = true
    await this.adopted
    await this.stores.keeper.flush()
    await Promise.all(this.opened.map((stream) => stream.close('closed')))
    // The next server on this thread begins with the time of the machine.
    advanceClock(-this.aheadMs)
  }

  // ── Requests ──────────────────────────────────────────────────────────────────────────────────────────

  /** Adds to the plan of a subject (byte string) what JetStream does with it. */
  extend(plan: Plan, subject: string): void {
    const { account } = plan
    const domain = this.owner.options.jetstream?.domain ?? ''
    const inDomain = domain === '' ? undefined : restAfter(subject, `$JS.${domain}.API.`)
    const rest = inDomain ?? restAfter(subject, PREFIX)
    if (rest === undefined) return
    if (inDomain !== undefined && !OF_DOMAIN.some((first) => first === rest.split('.', 1)[0])) return
    if (account === this.owner.systemAccount) {
      plan.own = { take: (run) => this.takeOfSystem(account, rest, run) }
    } else if (inDomain !== undefined && IN_DOMAIN.some((prefix) => rest.startsWith(prefix))) {
      plan.own = { take: (run, publisher) => this.redirect(account, rest, run, publisher) }
    } else if (!HEARD_BY_STREAMS.some((prefix) => rest.startsWith(prefix))) {
      plan.own = { take: (run, publisher) => this.take(account, rest, run, publisher) }
    } else if (inDomain !== undefined) {
      plan.own = { take: (run, publisher) => this.redirect(account, PREFIX + rest, run, publisher) }
    }
  }

  /** Publishes a run again under another subject. */
  private redirect(account: Account, subject: string, run: Run, publisher: Publisher): number {
    const { pool, router } = this.owner
    let sent = 0
    const rewrite = { subject, reply: replyOf(run), header: '', isImported: run.isImported }
    rewriteRun(pool, run, 0, run.count, rewrite, (request) => {
      sent += router.dispatch(request, account, publisher)
    })
    return sent
  }

  /** A request of the system account. Nobody else hears it. */
  private takeOfSystem(account: Account, rest: string, run: Run): number {
    const answer = systemAnswer(rest.split('.'))
    if (answer === undefined) return run.count
    const { purge, type, ...members } = answer
    const reply = replyOf(run)
    if (reply !== '') new Sender(this.owner, account).send(reply, goJson({ type: TYPE + type, ...members }, 0))
    if (purge !== undefined) attempt(this.owner.bugMet, () => this.purgeAccount(purge))
    return run.count
  }

  /** Deletes all streams of an account (byte string), wherever they are. */
  private async purgeAccount(name: string): Promise<void> {
    const { accounts, questions } = this.owner
    const question = { verb: 'names', account: name, subject: '' } as const
    const { names = [] } = await questions.ask('streams', { question })
    this.owner.wake()
    for (const stream of names) {
      const tokens = ['STREAM', 'DELETE', byteString(stream)]
      const verb = verbOf(tokens)
      const account = accounts.named(name)
      if (verb !== undefined) {
        this.hand({ account, verb, tokens, reply: '', body: NOTHING, identity: undefined, client: undefined })
      }
    }
  }

  /** Returns how many messages are taken: others have no responder. */
  private take(account: Account, rest: string, run: Run, publisher: Publisher): number {
    const tokens = rest.split('.')
    const verb = verbOf(tokens)
    // Nobody answers what is no request.
    if (verb === undefined) return run.count
    const reply = replyOf(run)
    const client = isAudited(new Sender(this.owner, account)) ? publisher.requestInfo(true, '') : undefined
    let taken = 0
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride
      const headers = readHeaders(run.block.bytes.subarray(start, start + run.headerSize))
      const body = run.block.bytes.subarray(start + run.headerSize, start + run.size)
      const identity = headers.get(Header.streamIdentity)
      if (this.ask({ account, verb, tokens, reply, body, identity, client }, headers.get(Header.requiredLevel) ?? ''))
        taken++
    }
    return taken
  }

  /** `level`: what it says the API must have, or empty. Returns false if the shard that could answer is not there. */
  private ask(request: Request, level: string): boolean {
    const { account, verb } = request
    const refusal =
      level !== '' && !(Number(level) <= API_LEVEL)
        ? apiError(10185)
        : account.jetstream === undefined && verb.isOfCluster !== true
          ? apiError(10039)
          : undefined
    if (refusal === undefined) return this.hand(request)
    this.refuse(request, refusal)
    return true
  }

  /** To the shard that owns what it is about. Returns false if that is not there. */
  private hand(request: Request): boolean {
    const { account, tokens, verb } = request
    const shard = verb.stream === undefined ? this.owner.index : shardOf(account.name, tokens[verb.stream], this.shards)
    if (shard !== this.owner.index) return this.forward(request, shard)
    this.serve(request)
    return true
  }

  private refuse(request: Request, error: ApiError): void {
    const { account, verb } = request
    this.answer(new Sender(this.owner, account), request, { type: TYPE + verb.type, error, ...verb.besideError })
  }

  private answer(sender: Sender, request: Request, members: object, headers?: Buffer): void {
    const { owner } = this
    const { body, client, reply, tokens, verb } = request
    const text = goJson(members as Json, 0)
    if (reply !== '') sender.send(reply, text, headers)
    if (client === undefined || (verb.isQuiet === true && !('error' in members))) return
    const server = { name: owner.identity.serverName, domain: owner.options.jetstream?.domain ?? '' }
    tellRequest(sender, server, { subject: PREFIX + properText(tokens.join('.')), body, client }, text)
  }

  // ── Between shards ────────────────────────────────────────────────────────────────────────────────────

  private forward({ account, body, client, identity, reply, tokens }: Request, shard: number): boolean {
    const { owner } = this
    const header = headerBlock([
      [ACCOUNT_HEADER, encodeURIComponent(properText(account.name))],
      [SUBJECT_HEADER, tokens.join('.')],
      ...(identity === undefined ? [] : [[Header.streamIdentity, identity] as const]),
      ...(client === undefined ? [] : [[CLIENT_HEADER, encodeURIComponent(client)] as const]),
    ]).toString('latin1')
    const message = { subject: String(shard), reply, header, payload: body, isImported: false }
    let sent = 0
    composeRaw(owner.pool, message, (run) => {
      sent = owner.router.dispatch(run, this.between, SERVER)
    })
    owner.schedule()
    return sent > 0
  }

  private receive(run: Run): void {
    for (let i = 0; i < run.count; i++) {
      const start = run.first + i * run.stride
      const headers = readHeaders(run.block.bytes.subarray(start, start + run.headerSize))
      const tokens = (headers.get(SUBJECT_HEADER) ?? '').split('.')
      const verb = verbOf(tokens)
      if (verb === undefined) continue
      const account = this.owner.accounts.named(accountOf(headers.get(ACCOUNT_HEADER) ?? ''))
      const body = run.block.bytes.subarray(start + run.headerSize, start + run.size)
      const identity = headers.get(Header.streamIdentity)
      const info = headers.get(CLIENT_HEADER)
      const client = info === undefined ? undefined : decodeURIComponent(info)
      this.serve({ account, verb, tokens, reply: replyOf(run), body, identity, client })
    }
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────

  private serve(request: Request): void {
    const { account, body } = request
    // What waits is bounded: too many requests have no answer, as on nats-server.
    if (this.waiting >= REQUESTS_MAX || this.waitingBytes + body.length > REQUESTS_BYTES_MAX) return
    this.waiting++
    this.waitingBytes += body.length
    const kept = { ...request, body: Buffer.from(body) }
    const streams = this.streamsOf(account)
    attempt(this.owner.bugMet, () => {
      return streams instanceof Promise ? streams.then((late) => this.begin(late, kept)) : this.begin(streams, kept)
    })
  }

  private begin(streams: AccountStreams, request: Request): unknown {
    const { tokens, verb } = request
    if (verb.stream === undefined) return this.carryOut(streams, request, '')
    const stream = properText(tokens[verb.stream])
    streams.inOrder(stream, () => this.carryOut(streams, request, stream))
    return undefined
  }

  private carryOut(streams: AccountStreams, request: Request, stream: string): unknown {
    const { owner } = this
    const { body, identity, tokens, verb } = request
    const strict = owner.options.jetstream?.strict ?? true
    const failed = (error: unknown): void => {
      owner.bugMet(error)
      this.finish(streams, request, { error: apiError(10008) })
    }
    let answer: ReturnType<Verb['answer']>
    try {
      answer = verb.answer({ streams, tokens, stream, body, strict, identity })
    } catch (error) {
      failed(error)
      return undefined
    }
    if (!(answer instanceof Promise)) return this.finish(streams, request, answer)
    return answer.then((late) => {
      owner.wake()
      this.finish(streams, request, late)
    }, failed)
  }

  /** Undefined: there is no answer. */
  private finish(streams: AccountStreams, request: Request, given: object | undefined): void {
    const { body, verb } = request
    this.waiting--
    this.waitingBytes -= body.length
    if (given === undefined) return
    const answer = given instanceof HeadedAnswer ? given.members : given
    const headers = given instanceof HeadedAnswer ? given.headers : undefined
    const { index } = this.owner
    const isError = 'error' in answer
    if (isError || verb.isQuiet !== true) streams.usage.add(index, 'requests', 1)
    if (isError) streams.usage.add(index, 'errors', 1)
    const members = { type: TYPE + verb.type, ...answer, ...(isError ? verb.besideError : {}) }
    this.answer(streams.sender, request, members, headers)
  }

  /** At once, or, when it is asked for the first time, later. */
  private streamsOf(account: Account): Promise<AccountStreams> | AccountStreams {
    let streams = this.accounts.get(account)
    if (streams === undefined) {
      streams = this.learn(account)
      this.accounts.set(account, streams)
    }
    return streams
  }

  private async learn(account: Account): Promise<AccountStreams> {
    await this.owner.admission.learn(account.name)
    const question = { verb: 'usage', account: account.name } as const
    const { usage } = await this.owner.questions.ask('streams', { question })
    if (usage === undefined) throw new Error('the primary does not count what streams use')
    return this.enter(account, usage)
  }

  private enter(account: Account, usage: SharedArrayBuffer): AccountStreams {
    const streams = new AccountStreams(
      this.owner,
      account,
      new Usage(usage),
      this.serverUsage,
      this.stores,
      this.scheduleTimer,
    )
    this.accounts.set(account, streams)
    return streams
  }
}

function restAfter(subject: string, prefix: string): string | undefined {
  return subject.startsWith(prefix) ? subject.slice(prefix.length) : undefined
}

function accountOf(header: string): string {
  return Buffer.from(decodeURIComponent(header)).toString('latin1')
}
