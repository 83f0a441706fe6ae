// Servers that are killed again and again while streams are published to, read and changed, and what must be true of
// every server that comes after:
//
//   acknowledged    each message is there, once, at its sequence, in the order of its publisher, byte for byte; of a
//                   batch there are all messages or none
//   acknowledged by a consumer, and answered     is not delivered again
//   not acknowledged by a consumer               is delivered: nothing is skipped
//   a key, a stream, a consumer                  is as the last answer about it said
//
// In between, shards are killed, and it is measured how long their streams are not served.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInbox, type NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { ChaosServer } from '../../chaos/process.ts'
import { WAYS, type Way } from '../../support/faulty-ways.ts'
import type { Random } from '../../support/random.ts'
import { until, within } from '../../support/until.ts'
import { type Origin, originOf } from './content.ts'
import { KeyWriter } from './keys.ts'
import { Names } from './names.ts'
import { BatchPublisher, type Publisher, RepeatingPublisher, SteadyPublisher, WindowPublisher } from './publishers.ts'
import { PullTaker, PushTaker, type Taker } from './takers.ts'

const ANSWER_MS = 10_000
/** A life ends when so many messages more are acknowledged, or this time has passed. */
const LIFE_MESSAGES = 1500
const LIFE_MS = 2_000
/** Every so many servers, all messages are read again from the first. */
const WHOLE_EVERY = 10
const DRAIN_MS = 120_000
/** Much more than it takes, on a machine that does nothing else. */
const SERVED_MS = 60_000
/** All but those that take a while to be noticed, or the whole process along. */
const QUICK_WAYS: readonly Way[] = WAYS.filter((way) => way !== 'heap out of memory' && way !== 'process.abort')
/** Streams that are looked at when a shard dies: on every shard there is one. */
const PROBED = 8

export interface Report {
  kills: number
  shardKills: number
  published: number
  acknowledged: number
  stored: number
  delivered: number
  answered: number
  keyWrites: number
  changes: number
  /** How long streams were not served after the death of a shard, the longest of each, sorted; milliseconds. */
  readonly handoverMs: number[]
  readonly faults: string[]
}

export interface KillsOptions {
  readonly kills: number
  readonly random: Random
  readonly onProgress?: (report: Report) => void
  readonly onLog?: (text: string) => void
}

interface Info {
  readonly error?: { readonly description: string }
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number }
  readonly num_pending: number
  readonly num_ack_pending: number
  readonly ack_floor: { readonly stream_seq: number }
}

export class Kills {
  readonly report: Report = {
    kills: 0,
    shardKills: 0,
    published: 0,
    acknowledged: 0,
    stored: 0,
    delivered: 0,
    answered: 0,
    keyWrites: 0,
    changes: 0,
    handoverMs: [],
    faults: [],
  }
  private readonly options: KillsOptions
  private readonly random: Random
  private readonly folder = mkdtempSync(join(tmpdir(), 'heddle-kills-'))
  private readonly key: string
  private readonly fault = (text: string): void => void this.report.faults.push(text)
  private readonly publishers: readonly Publisher[]
  private readonly queuePublishers: readonly Publisher[]
  private readonly takers: readonly Taker[]
  private readonly queueTaker: Taker
  private readonly keys: KeyWriter
  private readonly names: readonly Names[]
  /** What was seen in the stream of logs, by sequence. */
  private readonly stored = new Map<number, Origin>()
  private readTo = 0
  private workers = 1
  private isOver = false

  constructor(options: KillsOptions) {
    const { fault } = this
    const { random } = options
    this.options = options
    this.random = random
    this.key = random.chance(0.3) ? 'a key of the run' : ''
    this.publishers = [
      new SteadyPublisher('LOG', 'steady', random),
      new WindowPublisher('LOG', 'window', random),
      new RepeatingPublisher('LOG', 'repeating', random),
      new BatchPublisher('LOG', 'batch', random),
    ]
    this.queuePublishers = [new WindowPublisher('QUEUE', 'queue', random)]
    this.takers = [
      new PullTaker('LOG', 'pull', random, fault),
      new PullTaker('LOG', 'other', random, fault),
      new PushTaker('LOG', 'push', random, fault),
    ]
    this.queueTaker = new PullTaker('QUEUE', 'pull', random, fault)
    this.keys = new KeyWriter('bucket', random, fault)
    this.names = [new Names('STREAM', '', random, fault), new Names('CONSUMER', 'LOG', random, fault)]
  }

  async run(): Promise<Report> {
    const { kills, onProgress } = this.options
    try {
      while (this.report.kills < kills && this.report.faults.length === 0) {
        await this.serve(this.report.kills > 0, (server) => this.storm(server))
        this.report.kills++
        onProgress?.(this.count())
      }
      if (this.report.faults.length === 0) await this.serve(true, (server) => this.drain(server))
    } finally {
      rmSync(this.folder, { recursive: true, force: true })
    }
    return this.count()
  }

  private count(): Report {
    const { report } = this
    const all = [...this.publishers, ...this.queuePublishers]
    report.acknowledged = all.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0)
    report.stored = this.stored.size
    const takers = [...this.takers, this.queueTaker]
    report.delivered = takers.reduce((sum, { came }) => sum + came.size, 0)
    report.answered = takers.reduce((sum, { answered }) => sum + answered.size, 0)
    report.keyWrites = this.keys.writes
    report.changes = this.names.reduce((sum, { changes }) => sum + changes, 0)
    return report
  }

  // ── A server's life ───────────────────────────────────────────────────────────────────────────────────

  private async serve(isChecked: boolean, live: (server: ChaosServer) => Promise<void>): Promise<void> {
    this.configure()
    const server = await ChaosServer.start(join(this.folder, 'server.conf'), (text) => this.options.onLog?.(text))
    try {
      const connection = await this.connect(server)
      if (isChecked) await this.check(connection)
      else await this.create(connection)
      await connection.close()
      await live(server)
    } finally {
      server.kill()
      await until('the process to be gone', () => server.ended)
    }
  }

  private configure(): void {
    const { folder, key, random } = this
    this.workers = 1 + random.below(4)
    const sync = random.chance(0.3) ? 'sync_interval: "2m"' : ''
    const encrypted = key === '' ? '' : `key: "${key}"`
    writeFileSync(
      join(folder, 'server.conf'),
      `listen: "127.0.0.1:-1"\nworkers: ${this.workers}\njetstream { store_dir: "${folder}"\n${sync}\n${encrypted}\n}\n`,
    )
  }

  private connect({ port }: ChaosServer): Promise<NatsConnection> {
    return connect({ port, reconnect: false, ignoreClusterUpdates: true, timeout: ANSWER_MS })
  }

  private async ask(connection: NatsConnection, subject: string, body: object | undefined): Promise<Info> {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const answer = await connection.request(`$JS.API.${subject}`, payload, { timeout: ANSWER_MS })
    const info = answer.json() as Info
    if (info.error !== undefined) throw new Error(`${subject}: ${info.error.description}`)
    return info
  }

  private async create(connection: NatsConnection): Promise<void> {
    const compression = this.random.pick(['none', 's2'])
    const streams = [
      { name: 'LOG', subjects: ['LOG.>'], compression, allow_atomic: true },
      { name: 'QUEUE', subjects: ['QUEUE.>'], retention: 'workqueue' },
      {
        name: this.keys.stream,
        subjects: ['$KV.bucket.>'],
        max_msgs_per_subject: 1 + this.random.below(3),
        allow_rollup_hdrs: true,
        deny_delete: true,
        allow_direct: true,
        discard: 'new',
      },
      ...Array.from({ length: PROBED }, (_, i) => ({ name: `P${i}`, subjects: [`P${i}`], max_msgs: 10 })),
    ]
    for (const stream of streams) await this.ask(connection, `STREAM.CREATE.${stream.name}`, stream)
    for (const { config, consumer, stream } of [...this.takers, this.queueTaker]) {
      const body = { stream_name: stream, config: { durable_name: consumer, ...config } }
      await this.ask(connection, `CONSUMER.DURABLE.CREATE.${stream}.${consumer}`, body)
    }
  }

  // ── The storm ─────────────────────────────────────────────────────────────────────────────────────────

  private async storm(server: ChaosServer): Promise<void> {
    const { random } = this
    this.isOver = false
    const workers = [...this.publishers, ...this.queuePublishers, ...this.takers, this.queueTaker, this.keys]
    const all = [...workers, ...this.names].map((each) => this.keepWorking(server, each))
    await this.serveMessages(random.below(LIFE_MESSAGES))
    if (this.workers > 1 && random.chance(0.4)) {
      await this.killShard(server)
      await this.serveMessages(random.below(LIFE_MESSAGES / 3))
    }
    this.isOver = true
    server.kill()
    await Promise.all(all)
  }

  private async serveMessages(more: number): Promise<void> {
    const goal = this.count().acknowledged + more
    const endMs = performance.now() + LIFE_MS
    while (this.count().acknowledged < goal && performance.now() < endMs) await sleep(1)
  }

  /** Over another connection, when one ends. */
  private async keepWorking(
    server: ChaosServer,
    who: { work(connection: NatsConnection): Promise<void> },
  ): Promise<void> {
    while (!this.isOver) {
      const connection = await this.connect(server).catch(() => undefined)
      if (connection !== undefined) await who.work(connection)
      else await sleep(5)
    }
  }

  /** Measures until all streams are served again. */
  private async killShard(server: ChaosServer): Promise<void> {
    const { random, report } = this
    const way = random.pick(QUICK_WAYS)
    await server.order({ kind: 'kill', shard: random.below(this.workers), way })
    const startMs = performance.now()
    report.shardKills++
    const probed = Array.from({ length: PROBED }, (_, i) => this.probe(server, `P${i}`, startMs))
    report.handoverMs.push(Math.max(...(await Promise.all(probed))))
    report.handoverMs.sort((a, b) => a - b)
  }

  /** How long it takes until a stream has acknowledged a message. */
  private async probe(server: ChaosServer, subject: string, startMs: number): Promise<number> {
    return until(
      `${subject} to be served`,
      async () => {
        const connection = await this.connect(server).catch(() => undefined)
        if (connection === undefined) return undefined
        try {
          await connection.request(subject, '', { timeout: 500 })
          return performance.now() - startMs
        } catch {
          return undefined
        } finally {
          await connection.close()
        }
      },
      SERVED_MS,
    )
  }

  // ── What must be true ─────────────────────────────────────────────────────────────────────────────────

  private async check(connection: NatsConnection): Promise<void> {
    await this.checkLog(connection, this.report.kills % WHOLE_EVERY === 0)
    for (const taker of this.takers) await this.checkFloor(connection, taker)
    await this.keys.check(connection)
    for (const each of this.names) await each.check(connection)
  }

  private async checkLog(connection: NatsConnection, isWhole: boolean): Promise<void> {
    const { state } = await this.ask(connection, 'STREAM.INFO.LOG', undefined)
    const before = this.readTo
    await this.read(connection, isWhole ? 1 : before + 1, state.last_seq)
    if (state.messages !== this.stored.size) {
      this.fault(`LOG has ${state.messages} messages, ${this.stored.size} were seen`)
    }
    const found = new Map<string, number>()
    for (const [seq, { number, publisher }] of this.stored) found.set(`${publisher} ${number}`, seq)
    if (found.size !== this.stored.size) this.fault(`LOG has ${this.stored.size - found.size} messages twice`)
    for (const { acknowledged, name } of this.publishers) {
      for (const [number, seq] of acknowledged) {
        const at = found.get(`${name} ${number}`)
        if (at !== seq) this.fault(`message ${number} of ${name} was acknowledged as ${seq}, and is at ${at}`)
      }
    }
    for (const each of this.publishers) if (each instanceof BatchPublisher) this.checkBatches(each, found)
  }

  private checkBatches({ batches, name }: BatchPublisher, found: ReadonlyMap<string, number>): void {
    for (const [first, last] of batches) {
      let count = 0
      for (let number = first; number <= last; number++) if (found.has(`${name} ${number}`)) count++
      if (count > 0 && count <= last - first)
        this.fault(`of the batch ${first} to ${last} of ${name}, ${count} are there`)
    }
  }

  /** Reads messages, which must be as they were sent, in the order of each publisher, and as they were read before. */
  private async read(connection: NatsConnection, from: number, to: number): Promise<void> {
    if (to < from) return
    const deliver = createInbox()
    const { promise, resolve } = Promise.withResolvers<void>()
    let before = from - 1
    connection.subscribe(deliver, {
      callback: (_error, message) => {
        if ((message.headers?.code ?? 0) > 0) return
        const seq = Number(message.reply?.split('.')[5])
        const known = [...range(before + 1, seq - 1)].filter((each) => this.stored.has(each))
        if (known.length > 0) this.fault(`LOG has lost ${known.length} messages between ${before} and ${seq}`)
        before = seq
        this.note(seq, originOf(message.subject, message.data))
        if (seq >= to) resolve()
      },
    })
    const start = { deliver_policy: 'by_start_sequence', opt_start_seq: from }
    const config = { name: 'reader', deliver_subject: deliver, ack_policy: 'none', flow_control: false, ...start }
    await this.ask(connection, 'CONSUMER.CREATE.LOG.reader', { stream_name: 'LOG', config })
    await within(`LOG to be read to ${to}`, promise, ANSWER_MS * 6).catch((error: unknown) => {
      this.fault(`${String(error)}; it was read to ${before}`)
    })
    await this.ask(connection, 'CONSUMER.DELETE.LOG.reader', undefined)
    this.readTo = Math.max(this.readTo, to)
    const latest = new Map<string, number>()
    for (const { number, publisher } of [...this.stored].sort(([a], [b]) => a - b).map(([, origin]) => origin)) {
      if (number <= (latest.get(publisher) ?? 0)) this.fault(`message ${number} of ${publisher} is out of order`)
      latest.set(publisher, number)
    }
  }

  private note(seq: number, origin: Origin | undefined): void {
    const known = this.stored.get(seq)
    if (origin === undefined) this.fault(`LOG ${seq} is not as anybody sent it`)
    else if (known !== undefined && (known.publisher !== origin.publisher || known.number !== origin.number)) {
      this.fault(`LOG ${seq} was another message before`)
    } else this.stored.set(seq, origin)
  }

  /** What a consumer counts as done with was said to be. */
  private async checkFloor(connection: NatsConnection, { consumer, said, stream }: Taker): Promise<void> {
    const { ack_floor: floor } = await this.ask(connection, `CONSUMER.INFO.${stream}.${consumer}`, undefined)
    for (let seq = 1; seq <= floor.stream_seq; seq++) {
      if (!said.has(seq) && this.stored.has(seq))
        this.fault(`${consumer} has skipped ${seq}: its floor is ${floor.stream_seq}`)
    }
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  /** Takes all that is left, which must be all that nobody acknowledged. */
  private async drain(server: ChaosServer): Promise<void> {
    const takers = [...this.takers, this.queueTaker]
    this.isOver = false
    const connections: NatsConnection[] = []
    const all = takers.map(async (taker) => {
      taker.isDiligent = true
      const connection = await this.connect(server)
      connections.push(connection)
      await taker.work(connection)
    })
    const connection = await this.connect(server)
    for (const { consumer, stream } of takers) {
      const isDone = async (): Promise<boolean> => {
        const info = await this.ask(connection, `CONSUMER.INFO.${stream}.${consumer}`, undefined)
        return info.num_pending === 0 && info.num_ack_pending === 0
      }
      await until(`${stream} > ${consumer} to be through`, isDone, DRAIN_MS)
    }
    for (const { came, consumer } of this.takers) {
      const missed = [...this.stored.keys()].filter((seq) => !came.has(seq))
      if (missed.length > 0) this.fault(`${consumer} never got ${missed.length} messages, the first is ${missed[0]}`)
    }
    const { state } = await this.ask(connection, 'STREAM.INFO.QUEUE', undefined)
    if (state.messages > 0) this.fault(`QUEUE keeps ${state.messages} messages that are done with`)
    const taken = this.queueTaker.came
    for (const { acknowledged, name } of this.queuePublishers) {
      const missed = [...acknowledged].filter(([, seq]) => !taken.has(seq))
      if (missed.length > 0) this.fault(`QUEUE never delivered ${missed.length} messages of ${name}: ${missed[0]}`)
    }
    for (const each of [...connections, connection]) await each.close()
    await Promise.all(all)
  }
}

function* range(from: number, to: number): Generator<number, undefined> {
  for (let i = from; i <= to; i++) yield i
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** One line. */
export function words(report: Report): string {
  const { acknowledged, answered, changes, delivered, handoverMs, keyWrites, kills, shardKills, stored } = report
  const middle = handoverMs[handoverMs.length >> 1] ?? 0
  const most = handoverMs[handoverMs.length - 1] ?? 0
  return (
    `${kills} processes and ${shardKills} shards killed, ${acknowledged} messages acknowledged (${stored} in the log), ` +
    `${delivered} delivered, ${answered} acks answered, ${keyWrites} keys written, ${changes} streams and consumers ` +
    `created or deleted; streams of a dead shard were served again after ${middle.toFixed(0)} ms (median), ` +
    `${most.toFixed(0)} ms (longest)`
  )
}
