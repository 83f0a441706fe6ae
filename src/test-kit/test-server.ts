// The server of a test, with all that the test can see and do.

import type { ConnectionOptions, NatsConnection } from '../client/index.ts'
import { connect } from '../client/index.ts'
import type { EmbeddedOptions } from '../embedding/given-options.ts'
import { type KeyPair, readKeyPair } from '../tls/pem.ts'
import { Captured, type ReceivedMessage, type ReceivedOptions } from './captured.ts'
import { TestDisk, withFolder } from './disk.ts'
import { Faults } from './faults.ts'
import { type Door, Gateway } from './gateway.ts'
import { messageOf, type Operation, OperationSplitter } from './operations.ts'
import { Recording } from './recording.ts'
import type { Carriage, GatewayClient, Reads, TestClient } from './test-client.ts'
import { TestedServer } from './tested-server.ts'
import { WebSocketSplitter } from './websocket-frames.ts'

/** All options of createServer(). By default there are no worker threads, and the port is a free one. */
export interface TestServerOptions extends EmbeddedOptions {
  /**
   * Where clients log in with certificates: PEM files of those of the tests, with their keys. Without them, messages
   * and names of clients are not seen there.
   */
  clientCertificates?: readonly CertificateFiles[]
}

export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface WaitOptions {
  /** Milliseconds; default 1,000. */
  timeout?: number
}

/** What connect() takes: the server is given. */
export type TestConnectionOptions = Omit<ConnectionOptions, 'servers' | 'port'>

const HOST = '127.0.0.1'
const TIMEOUT_MS = 1000

export class TestServer {
  /** Faults of messages on their way. */
  readonly faults: Faults
  /** The server's clock: it goes with that of the machine, and can be put forward. */
  readonly clock: { advance(ms: number): Promise<void> }
  /** The disk of the streams, and what can go wrong with it. */
  readonly disk: TestDisk
  private readonly gateway: Gateway
  private readonly doors: Doors
  private readonly options: EmbeddedOptions
  /** Another one after restart(). */
  private server: TestedServer
  private readonly captured: Captured
  private readonly connections = new Set<NatsConnection>()
  /** Called when a client has sent CONNECT. */
  private readonly arrivals = new Set<() => void>()
  private readonly recordings = new Set<Recording>()
  private closed: Promise<void> | undefined

  private constructor(gateway: Gateway, doors: Doors, given: EmbeddedOptions, faults: Faults, captured: Captured) {
    const { options, made } = withFolder(given)
    this.gateway = gateway
    this.doors = doors
    this.options = options
    this.faults = faults
    this.captured = captured
    this.disk = new TestDisk(options, made, (state) => this.server.setDisk(state))
    try {
      this.server = startBehind(doors, options)
    } catch (error) {
      this.disk.remove()
      throw error
    }
    this.clock = {
      advance: async (ms) => {
        if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
          throw new RangeError(`a clock is put forward by a number of milliseconds, not by ${ms}`)
        }
        await this.server.advanceClock(ms)
      },
    }
  }

  /** Resolves when clients are served. Rejects with OptionError, or if a port cannot be had. */
  static async start({ clientCertificates = [], ...options }: TestServerOptions): Promise<TestServer> {
    const clientPairs = clientCertificates.map(readPair)
    const faults = new Faults()
    const captured = new Captured()
    const gateway = new Gateway({
      faults,
      introduced: () => server.introduced(),
      passed: (operation, fromClient, client) => server.passed(operation, fromClient, client),
    })
    let server: TestServer
    try {
      const doors = await openDoors(gateway, options, (port) => carriageOf(server.server, port, clientPairs))
      server = new TestServer(gateway, doors, options, faults, captured)
      await server.begin()
    } catch (error) {
      await gateway.close()
      throw error
    }
    return server
  }

  private async begin(): Promise<void> {
    const { disk, doors, server } = this
    try {
      await server.ready()
    } catch (error) {
      disk.remove()
      throw error
    }
    doors.nats.leadTo(HOST, server.port)
    if (server.webSocketPort !== undefined) doors.webSocket?.leadTo(HOST, server.webSocketPort)
  }

  get port(): number {
    return this.doors.nats.port
  }

  /** Address for clients, such as `nats://127.0.0.1:41234`. */
  get url(): string {
    const { host, port } = this.doors.nats
    return `nats://${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  /** Port of the monitoring pages; undefined if there are none. */
  get monitorPort(): number | undefined {
    return this.server.monitorPort
  }

  /** Port for WebSocket clients; undefined if there is none. */
  get webSocketPort(): number | undefined {
    return this.doors.webSocket?.port ?? this.server.webSocketPort
  }

  /** A client of `heddle/client` that is connected by TCP as others are. It is closed with the server. */
  async connect(options: TestConnectionOptions = {}): Promise<NatsConnection> {
    const connection = await connect({ ...options, servers: this.url })
    this.connections.add(connection)
    const closed = (): boolean => this.connections.delete(connection)
    connection.closed().then(closed, closed)
    return connection
  }

  /** Changes options while the server runs, as reload() of an embedded server does. */
  reload(change: Parameters<TestedServer['reload']>[0]): Promise<void> {
    return this.server.reload(change)
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The messages that clients have published on a subject, or on those that a filter matches. Waits until there are
   * `count` of them, 1 by default; resolves to all that there are, in the order in which they came. Rejects with
   * NotReceivedError after `timeout` milliseconds. Throws TypeError if the filter is none.
   */
  async received<T = unknown>(filter: string, options: ReceivedOptions = {}): Promise<ReceivedMessage<T>[]> {
    return this.captured.received<T>(filter, options)
  }

  /** Those so far, without a wait. After `await nc.flush()` all that this client has published is among them. */
  messages<T = unknown>(filter = '>'): ReceivedMessage<T>[] {
    return this.captured.matching<T>(filter)
  }

  // ── Clients ───────────────────────────────────────────────────────────────────────────────────────────

  /** Those that are connected, in the order in which they came. */
  get clients(): readonly TestClient[] {
    return this.gateway.connected
  }

  /** The latest client of this name. Waits until there is one; rejects after `timeout` milliseconds. */
  client(name: string, { timeout = TIMEOUT_MS }: WaitOptions = {}): Promise<TestClient> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.gateway.connected.findLast((client) => client.isIntroduced && client.name === name)
        if (found === undefined) return
        end()
        resolve(found)
      }
      const end = (): void => {
        clearTimeout(timer)
        this.arrivals.delete(look)
      }
      const timer = setTimeout(() => {
        end()
        const others = this.gateway.connected.map(({ title }) => title).join(', ') || 'none'
        reject(new Error(`no client called "${name}" is connected within ${timeout} ms; connected: ${others}`))
      }, timeout)
      this.arrivals.add(look)
      look()
    })
  }

  /** From now on new connections are reset at once, until acceptConnections(). */
  refuseConnections(): void {
    this.gateway.refuses = true
  }

  acceptConnections(): void {
    this.gateway.refuses = false
  }

  /**
   * Ends a worker thread (`workers` of the options, counted from 0): its clients lose their connections. Resolves when
   * another thread serves in its place. Rejects with RangeError if there is none of this number.
   */
  killShard(index: number): Promise<void> {
    return this.server.killShard(index)
  }

  /**
   * Ends the server, and starts another one in its place: clients lose their connections and find it at the same
   * address, with the streams that were on the disk. Its clock and its disk are as before.
   */
  async restart(): Promise<void> {
    const { clockAheadMs } = this.server
    this.gateway.leadNowhere()
    await this.server.close()
    await this.cutAll()
    this.server = startBehind(this.doors, this.options)
    await this.begin()
    await this.server.setDisk(this.disk.state)
    if (clockAheadMs > 0) await this.server.advanceClock(clockAheadMs)
  }

  // ── Between tests, and the end ────────────────────────────────────────────────────────────────────────

  /** Records what all clients and the server say from now on into a file, which replay() plays. */
  record(file: string): Recording {
    const recording = new Recording(file, () => this.recordings.delete(recording))
    this.recordings.add(recording)
    return recording
  }

  /**
   * For the next test: forgets the messages, ends all faults, accepts connections, and cuts all clients. Streams stay.
   */
  async reset(): Promise<void> {
    this.faults.clear()
    await this.disk.mend()
    this.acceptConnections()
    await Promise.all([...this.connections].map((connection) => connection.close()))
    await this.cutAll()
    this.captured.clear()
  }

  private async cutAll(): Promise<void> {
    await Promise.all(
      this.gateway.connected.map((client) => {
        client.cut()
        return client.closed
      }),
    )
  }

  /** Closes all connections, and ends the server. No timer, socket or thread of it is left. May be called again. */
  close(): Promise<void> {
    this.closed ??= this.end()
    return this.closed
  }

  /** `await using server = await createTestServer()` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async end(): Promise<void> {
    this.captured.close()
    await Promise.all([...this.connections].map((connection) => connection.close()))
    this.refuseConnections()
    // What waits for a slow disk would keep it from its end.
    await this.disk.mend()
    await this.server.close()
    await this.gateway.close()
    for (const recording of [...this.recordings]) await recording.stop()
    this.disk.remove()
  }

  private introduced(): void {
    for (const look of [...this.arrivals]) look()
  }

  private passed(operation: Operation, fromClient: boolean, client: GatewayClient): void {
    for (const recording of this.recordings) recording.add(operation, fromClient, client.id)
    const message = fromClient ? messageOf(operation) : undefined
    if (message !== undefined) this.captured.add(message, client.title)
  }
}

/** The addresses of the server as clients see them. */
interface Doors {
  readonly nats: Door
  /** Undefined: there is no WebSocket, or it is where the test's `listen` says. */
  readonly webSocket: Door | undefined
}

async function openDoors(
  gateway: Gateway,
  { host = HOST, port = 0, websocket }: EmbeddedOptions,
  carriage: (port: keyof Doors) => Carriage,
): Promise<Doors> {
  const nats = await gateway.openDoor(host, Math.max(0, port), () => carriage('nats'))
  if (websocket?.port === undefined || websocket.listen !== undefined) return { nats, webSocket: undefined }
  const address = [websocket.host ?? host, Math.max(0, websocket.port)] as const
  return { nats, webSocket: await gateway.openDoor(...address, () => carriage('webSocket')) }
}

/** How clients of a server that come by a port are read. */
function carriageOf(server: TestedServer, port: keyof Doors, clientPairs: readonly KeyPair[]): Carriage {
  const settings = server.tls[port === 'nats' ? 'client' : port]
  const plain: Reads = () => new OperationSplitter()
  const reads: Reads = port === 'nats' ? plain : (fromClient) => new WebSocketSplitter(fromClient)
  if (settings === undefined) return { reads, tls: undefined }
  // Who a client is by its certificate, only somebody with its key can say to the server.
  if (settings.verify && clientPairs.length === 0) return { reads: plain, tls: undefined }
  return { reads, tls: { settings, clientPairs } }
}

/** Throws an Error that says what is wrong with the files. */
function readPair({ certFile, keyFile }: CertificateFiles): KeyPair {
  const read = readKeyPair(certFile, keyFile)
  if ('error' in read) throw new Error(`clientCertificates: ${read.error}`)
  return read.value
}

/** The server on ports of its own; what it says of its address is the gateway's. */
function startBehind({ nats: { host, port }, webSocket }: Doors, options: EmbeddedOptions): TestedServer {
  const clientAdvertise = options.clientAdvertise ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
  const hidden = webSocket === undefined ? {} : { websocket: { ...options.websocket, host: HOST, port: 0 } }
  return new TestedServer({ workers: 0, ...options, host: HOST, port: 0, clientAdvertise, ...hidden })
}
