// The chaos run: everything that goes wrong in production, at random and at once, and sequence numbers that show what it
// did to those who had no part in it.
//
//   shards 0, 1   are never killed. Clients on them are the untouched: their connections stay, whatever else happens,
//                 and each listener hears every number of each talker, once and in order.
//   shards 2, 3   die at random, in all ways. A talker there loses its tail and nothing else: what listeners hear of
//                 it has no hole. Its client comes back, as a new session.
//   the server    stands still for a while (SIGSTOP), is reloaded every 100 ms, flooded, read slowly, stormed by
//                 logins with tokens; clients come and go by TCP, TLS and WebSocket.
//
// Everybody logs in with a token, as the server has an operator.

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { FLOODS } from '../../bench/floods.ts'
import type { FlooderTask } from '../../bench/generators/flooder.ts'
import { DEFAULTS } from '../../bench/setups.ts'
import { WAYS } from '../support/faulty-ways.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'
import { Listener, settle, Talker } from '../support/streams.ts'
import { rawClientOverWebSocket } from '../support/websocket.ts'
import { selfSigned } from '../tls/certificates.ts'
import { ChaosServer } from './process.ts'

const WORKERS = 4
/** Shards from here on are killed. */
const DOOMED = 2
const RELOAD_MS = 100
const TALK_MS = 5
const TALK_MESSAGES = 5
/** The load leaves a talker alone while so much waits in its socket. */
const TALK_PENDING_MAX = 64 * 1024
/** Small, so that slow readers are cut soon. */
const MAX_PENDING = 4 * 1024 * 1024

export interface ChaosOptions {
  readonly seconds: number
  readonly random: Random
  /** Longest time that the process stands still. */
  readonly freezeMaxMs: number
  /** Told once a second. */
  readonly onProgress?: (report: ChaosReport) => void
  /** What the server logs. */
  readonly onLog?: (text: string) => void
}

export interface ChaosReport {
  published: number
  kills: number
  freezes: number
  reloads: number
  floods: number
  logins: number
  slowReaders: number
  comers: number
  /** Of the server, each second, in MiB. */
  readonly rssMiB: number[]
  readonly faults: string[]
}

const TRANSPORTS = ['tcp', 'tls', 'websocket'] as const
type Transport = (typeof TRANSPORTS)[number]

/** A talker or listener on a shard that may die. */
interface Touched {
  readonly client: RawClient
  readonly renew: () => Promise<void>
}

/** The event; an error if the connection ends before it, as it does where its shard dies. */
function onceOpen(socket: Socket, event: string): Promise<unknown[]> {
  const closed = once(socket, 'close').then(() => Promise.reject(new Error(`closed before ${event}`)))
  return Promise.race([once(socket, event), closed])
}

export class Chaos {
  readonly report: ChaosReport = {
    published: 0,
    kills: 0,
    freezes: 0,
    reloads: 0,
    floods: 0,
    logins: 0,
    slowReaders: 0,
    comers: 0,
    rssMiB: [],
    faults: [],
  }
  private readonly options: ChaosOptions
  private readonly random: Random
  private readonly folder = mkdtempSync(join(tmpdir(), 'heddle-chaos-'))
  private readonly operator = new TestOperator()
  private readonly account = new TestAccount('A')
  private jwt = ''
  private deniedJwt = ''
  private server: ChaosServer | undefined
  /** Talkers whose numbers all listeners hear; those on doomed shards come and go. */
  private readonly talkers = new Set<Talker>()
  private readonly steadyTalkers: Talker[] = []
  private readonly steadyListeners: Listener[] = []
  private readonly touched = new Set<Touched>()
  private frozen = false
  private isOver = false

  constructor(options: ChaosOptions) {
    this.options = options
    this.random = options.random
  }

  async run(): Promise<ChaosReport> {
    try {
      await this.prepare()
      await this.storm()
      if (this.report.faults.length === 0) await this.finish()
    } finally {
      this.isOver = true
      this.server?.kill()
      rmSync(this.folder, { recursive: true, force: true })
    }
    return this.report
  }

  // ── The server and its clients ────────────────────────────────────────────────────────────────────────

  private get running(): ChaosServer {
    if (this.server === undefined) throw new Error('the server is not running yet')
    return this.server
  }

  private async prepare(): Promise<void> {
    await this.operator.sign(this.account)
    this.jwt = (await this.account.user({ bearer_token: true })).jwt
    this.deniedJwt = (await this.account.user({ bearer_token: true, pub: { deny: ['flood.>', 'flood'] } })).jwt
    const { cert, key } = selfSigned({ subject: 'chaos', ips: ['127.0.0.1'] })
    writeFileSync(join(this.folder, 'cert.pem'), cert)
    writeFileSync(join(this.folder, 'key.pem'), key)
    await this.configure()
    this.server = await ChaosServer.start(this.configFile, (text) => this.options.onLog?.(text))
    for (const transport of [...TRANSPORTS, 'tcp'] as const) {
      const talker = new Talker(await this.openSteady(transport))
      this.talkers.add(talker)
      this.steadyTalkers.push(talker)
    }
    for (const transport of [...TRANSPORTS, 'tcp'] as const) {
      const client = await this.openSteady(transport)
      this.steadyListeners.push(await Listener.start(client, `untouched, by ${transport}`, this.steadyTalkers))
    }
    for (const transport of TRANSPORTS) {
      await this.talkTouched(transport)
      await this.listenTouched(transport)
    }
  }

  private get configFile(): string {
    return join(this.folder, 'server.conf')
  }

  /** Writes the configuration, with some of what can be reloaded chosen at random. */
  private async configure(): Promise<void> {
    const { random, folder } = this
    writeFileSync(
      this.configFile,
      `listen: "127.0.0.1:-1"
workers: ${WORKERS}
${await this.operator.config()}
max_pending: ${MAX_PENDING}
max_payload: ${random.pick(['1MB', '2MB'])}
max_connections: ${random.pick([20_000, 30_000])}
ping_interval: "${random.pick(['1m', '2m'])}"
max_traced_msg_len: ${random.below(1000)}
tls { cert_file: "${folder}/cert.pem", key_file: "${folder}/key.pem", timeout: 20 }
allow_non_tls: true
websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }
`,
    )
  }

  /** A client with a token; its login must succeed, however late the server is. */
  private async open(transport: Transport, jwt = this.jwt): Promise<RawClient> {
    const client = await this.dial(transport)
    client.send(`CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, jwt })}\r\nPING\r\n`)
    await client.expect('PONG\r\n', 60_000)
    return client
  }

  private async dial(transport: Transport): Promise<RawClient> {
    const { port, webSocketPort } = this.running
    if (transport === 'websocket') {
      const client = await rawClientOverWebSocket(webSocketPort, this.random.chance(0.5))
      await client.readInfo()
      return client
    }
    if (transport === 'tcp') {
      const client = await RawClient.connect(port)
      await client.readInfo()
      return client
    }
    const plain = connectTcp({ port, host: '127.0.0.1', noDelay: true })
    const [first] = (await onceOpen(plain, 'data')) as [Buffer]
    plain.pause()
    const secure = connectTls({ socket: plain, rejectUnauthorized: false })
    await onceOpen(secure, 'secureConnect')
    const client = RawClient.over(secure)
    client.info = JSON.parse(first.toString('latin1').slice(5)) as NonNullable<RawClient['info']>
    return client
  }

  /** A client on a shard that is never killed. It is a fault if its connection ends. */
  private async openSteady(transport: Transport): Promise<RawClient> {
    for (;;) {
      const client = await this.open(transport)
      const shard = await this.shardOf(client)
      if (shard >= 0 && shard < DOOMED) {
        client.socket.once('close', () => {
          if (!this.isOver) this.fault(`the connection of an untouched client ended (${transport}, shard ${shard})`)
        })
        client.onLine = (line) => {
          if (line.startsWith('-ERR')) this.fault(`an untouched client was told ${line}`)
          return line.startsWith('INFO')
        }
        return client
      }
      await client.close()
    }
  }

  private async shardOf(client: RawClient): Promise<number> {
    const { shard = -1 } = await this.running.order({ kind: 'where', connection: client.info?.client_id ?? 0 })
    return shard
  }

  private async talkTouched(transport: Transport): Promise<void> {
    const talker = new Talker(await this.open(transport))
    this.talkers.add(talker)
    this.renewAtEnd(talker.client, async () => {
      this.talkers.delete(talker)
      await this.talkTouched(transport)
    })
  }

  private async listenTouched(transport: Transport): Promise<void> {
    const client = await this.open(transport)
    const listener = await Listener.start(client, `touched, by ${transport}`, [...this.talkers])
    this.renewAtEnd(client, async () => {
      for (const fault of listener.faults) this.fault(fault)
      await this.listenTouched(transport)
    })
  }

  /** When its shard dies, a client comes back. */
  private renewAtEnd(client: RawClient, renew: () => Promise<void>): void {
    const touched = { client, renew }
    this.touched.add(touched)
    client.onLine = (line) => line.startsWith('INFO')
    client.socket.once('close', () => {
      this.touched.delete(touched)
      if (!this.isOver) this.mayFail(renew)
    })
  }

  // ── The storm ─────────────────────────────────────────────────────────────────────────────────────────

  private async storm(): Promise<void> {
    const endMs = performance.now() + this.options.seconds * 1000
    const isOn = (): boolean => performance.now() < endMs && this.report.faults.length === 0
    const talk = setInterval(() => this.talk(), TALK_MS)
    try {
      await Promise.all([
        this.again(isOn, () => this.reload(), RELOAD_MS),
        this.again(isOn, () => this.killShard(), 3_000),
        this.again(isOn, () => this.freeze(), 8_000),
        this.again(isOn, () => this.flood(), 500),
        this.again(isOn, () => this.stormOfLogins(), 2_000),
        this.again(isOn, () => this.readSlowly(), 1_500),
        this.again(isOn, () => this.comeAndGo(), 50),
        this.again(isOn, () => this.watch(), 1_000),
      ])
    } finally {
      clearInterval(talk)
    }
  }

  /** Does something again and again, with pauses of half to one and a half of `pauseMs`. */
  private async again(isOn: () => boolean, act: () => Promise<void>, pauseMs: number): Promise<void> {
    while (isOn()) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + this.random.next())))
      if (!isOn()) return
      try {
        await act()
      } catch (error) {
        this.fault(String(error))
      }
    }
  }

  private talk(): void {
    if (this.frozen) return
    for (const talker of this.talkers) {
      if (talker.client.isClosed || talker.client.socket.writableLength > TALK_PENDING_MAX) continue
      talker.publish(TALK_MESSAGES)
      this.report.published += TALK_MESSAGES
    }
  }

  private async reload(): Promise<void> {
    await this.configure()
    await this.running.order({ kind: 'reload' })
    this.report.reloads++
  }

  private async killShard(): Promise<void> {
    const shard = DOOMED + this.random.below(WORKERS - DOOMED)
    await this.running.order({ kind: 'kill', shard, way: this.random.pick(WAYS) })
    this.report.kills++
  }

  private async freeze(): Promise<void> {
    this.frozen = true
    await this.running.freeze(this.random.below(this.options.freezeMaxMs))
    this.frozen = false
    this.report.freezes++
  }

  /** One client sends without a pause for a second. */
  private async flood(): Promise<void> {
    const { random } = this
    const flood = random.pick(FLOODS.filter(({ setup }) => setup === DEFAULTS))
    const { text, operations } = flood.cycle()
    const jwt = random.chance(0.2) ? this.deniedJwt : this.jwt
    const task: FlooderTask = {
      port: this.running.port,
      hello: `CONNECT ${JSON.stringify({ verbose: false, ...flood.connect, jwt })}\r\n${flood.prelude}`,
      cycle: Buffer.from(text, 'latin1'),
      operations,
      cycles: flood.cycles,
      taken: new SharedArrayBuffer(4),
    }
    const flooder = new Worker(new URL('../../bench/generators/flooder.ts', import.meta.url), { workerData: task })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await flooder.terminate()
    this.report.floods++
  }

  /** Clients come all at once, each with its token. Where no shard died, all are let in. */
  private async stormOfLogins(): Promise<void> {
    const count = 50 + this.random.below(150)
    const logins = Array.from({ length: count }, async () => {
      const client = await RawClient.connect(this.running.port).catch(() => undefined)
      if (client === undefined) return // its shard died
      client.onLine = (line) => {
        if (line.startsWith('-ERR')) this.fault(`a login was told ${line}`)
        return line.startsWith('-ERR') || line.startsWith('INFO')
      }
      client.send(`CONNECT ${JSON.stringify({ verbose: false, jwt: this.jwt })}\r\nPING\r\n`)
      try {
        await client.expect('PONG\r\n', 60_000)
        this.report.logins++
      } catch (error) {
        if (!client.isClosed) throw error
      } finally {
        await client.close()
      }
    })
    await Promise.all(logins)
  }

  /** A subscriber that does not read; the server cuts it, or it leaves. */
  private async readSlowly(): Promise<void> {
    await this.mayFail(async () => {
      const client = await this.open('tcp')
      client.send('SUB stream.* 1\r\nSUB flood.> 2\r\n')
      client.socket.pause()
      await new Promise((resolve) => setTimeout(resolve, this.random.below(3_000)))
      await client.close()
      this.report.slowReaders++
    })
  }

  private async comeAndGo(): Promise<void> {
    await this.mayFail(async () => {
      const client = await this.open(this.random.pick(TRANSPORTS))
      client.send(`SUB come.${this.random.below(1000)} 1\r\nPUB come.1 2\r\nhi\r\n`)
      await client.close()
      this.report.comers++
    })
  }

  private async watch(): Promise<void> {
    if (this.running.ended !== undefined) this.fault(this.running.ended)
    this.report.rssMiB.push(this.running.rssMiB)
    for (const listener of this.steadyListeners) for (const fault of listener.faults) this.fault(fault)
    this.options.onProgress?.(this.report)
  }

  /** A connection may be on a shard that dies just then. */
  private async mayFail(act: () => Promise<void>): Promise<void> {
    for (let tries = 0; tries < 20 && !this.isOver; tries++) {
      try {
        await act()
        return
      } catch (error) {
        if (tries === 19) this.fault(String(error))
      }
    }
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  private async finish(): Promise<void> {
    for (const fault of await settle(this.steadyListeners, this.steadyTalkers)) this.fault(fault)
    for (const talker of this.steadyTalkers)
      await talker.client.sync().catch((error: unknown) => this.fault(String(error)))
    this.isOver = true
    const clients = [...this.steadyTalkers, ...this.steadyListeners, ...this.touched].map(({ client }) => client)
    await Promise.all(clients.map((client) => client.close()))
    await this.running.stop()
  }

  private fault(text: string): void {
    if (this.report.faults.length < 20) this.report.faults.push(text)
  }
}

/** Median of resident memory over a part of the run, given as shares of it. */
function medianRss({ rssMiB }: ChaosReport, from: number, to: number): number {
  const part = rssMiB.slice(Math.floor(rssMiB.length * from), Math.ceil(rssMiB.length * to)).toSorted((a, b) => a - b)
  return part[Math.floor(part.length / 2)]
}

/** How much resident memory grows from the second fifth to the last one: 1 = not at all. */
export function growth(report: ChaosReport): number {
  return medianRss(report, 0.8, 1) / medianRss(report, 0.3, 0.5)
}

export function words(report: ChaosReport): string {
  const { published, kills, freezes, reloads, floods, logins, slowReaders, comers, rssMiB } = report
  return (
    `${published} published; ${kills} shards killed, ${freezes} freezes, ${reloads} reloads, ${floods} floods, ` +
    `${logins} stormy logins, ${slowReaders} slow readers, ${comers} came and went; ${Math.round(rssMiB.at(-1) ?? 0)} MiB`
  )
}
