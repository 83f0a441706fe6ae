// The primary thread: opens the client port, starts the shards and hands them the connections, serves the monitoring
// pages, gives the running server new options, and ends it, at once or in lame duck mode. It never reads a client's
// bytes.

import { availableParallelism } from 'node:os'
import type { Hooks } from '../auth/hooks.ts'
import type { AccountResolver } from '../auth/resolver/resolver.ts'
import { createServerKey } from '../auth/server-key.ts'
import { hasPlainPassword } from '../auth/setup.ts'
import { hostPort } from '../base/addresses.ts'
import { HEDDLE_VERSION, NATS_VERSION, STATSZ_FIRST_MS } from '../base/constants.ts'
import { CloseReason, osErrorText, StartError } from '../base/errors.ts'
import { attempt, guarded } from '../base/guarded.ts'
import { diffOptions } from '../config/changes.ts'
import { OptionError } from '../config/normalise.ts'
import { settledOptions } from '../jetstream/primary/room.ts'
import type { StreamList } from '../jetstream/primary/stream-list.ts'
import { Log } from '../log/log.ts'
import { logsToStderr } from '../log/log-options.ts'
import type { Logger } from '../log/logger.ts'
import type { Monitor } from '../monitor/monitor.ts'
import type { MonitorPorts } from '../monitor/monitored.ts'
import type { PageSources } from '../monitor/sources/page-sources.ts'
import type { PipeEnd, PipeEvents } from '../net/pipe-end.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Query, ShardAnswers } from '../reports/query.ts'
import type { Report } from '../reports/rows.ts'
import type { ShardState } from '../reports/shard-state.ts'
import type { RouteFacts } from '../routes/contract.ts'
import type { SystemMessage } from '../system/contract.ts'
import type { PrimarySystem } from '../system/primary/primary-system.ts'
import type { Answerers } from '../threads/primary-rpc.ts'
import type { OcspCounts } from '../tls/ocsp/peers.ts'
import type { TlsOfPorts, TlsSettings } from '../tls/tls-settings.ts'
import { AuthResponder } from './auth-responder.ts'
import { ClientPorts } from './client-ports.ts'
import { closeSpread, pause } from './lame-duck.ts'
import { PortTls } from './port-tls.ts'
import { Program } from './program.ts'
import { reloadLines, withPortsOf } from './reload.ts'
import { removePortsFile, writePidFile, writePortsFile } from './server-files.ts'
import { identityOf } from './server-identity.ts'
import { ServerPorts } from './server-ports.ts'
import { ShardThreads } from './shard-threads.ts'
import { Shards } from './shards.ts'
import { openStreams } from './streams.ts'

export class Primary {
  /** The options in force; a reload puts others in their place. */
  options: Options
  identity: ServerIdentity
  readonly log: Log
  readonly startedAt = Date.now()
  /** When the options in force were taken. */
  configLoadedAt = this.startedAt

  /** Reloads the configuration; the creator of the server supplies it. */
  rereadOptions: () => Promise<void> = () =>
    Promise.reject(new Error('can only reload config when a file is provided using -c or --config'))

  private readonly shards: Shards
  private readonly program: Program
  private readonly authResponder: AuthResponder
  private ports: ClientPorts | undefined
  private readonly serverPorts: ServerPorts
  private monitor: Monitor | undefined
  private pageSources: Promise<PageSources> | undefined
  /** Loaded when the server has started, or when it is first needed. */
  private system: Promise<PrimarySystem | undefined> | undefined
  private readonly portTls: PortTls
  /** What the start opens, one after the other, as far as it comes. */
  private opening = Promise.resolve()
  /** Clients are served. */
  private started = false
  private reloads = Promise.resolve()
  /** Lame duck mode: resolves when the server has ended. */
  private leaving: Promise<void> | undefined
  /** Ends the waits of lame duck mode. */
  private readonly hurry = new AbortController()
  private closed: Promise<void> | undefined

  /** `threads` may have begun already; `hooks` are the embedding program's. Throws if the log file cannot be opened. */
  constructor(given: Options, threads = new ShardThreads(), hooks: Hooks = {}, logger?: Logger) {
    const options = settledOptions(given)
    const logOpened = new SharedArrayBuffer(4)
    this.options = options
    this.log = new Log(options, { name: 'primary', opened: logOpened, logger })
    const key = createServerKey()
    this.identity = identityOf(key.id, options, options.port)
    this.portTls = new PortTls(this.log, {
      changed: (tls) => {
        this.reloads = this.reloads.then(() => this.useOptions(this.options, tls())).catch(this.log.bug)
      },
      revoked: () => attempt(this.log.bug, () => this.close()),
    })
    this.program = new Program(hooks, this.log)
    this.authResponder = new AuthResponder(() => this.options, this.program, {
      warn: (text) => this.log.warn(text),
      refused: (peer) => attempt(this.log.bug, async () => (await this.loadSystem())?.announcements.peerRefused(peer)),
    })
    const onRelief = (): void => {
      this.ports?.offerWaiting()
      this.serverPorts.offerWaiting()
    }
    const ask: Answerers['system'] = async ({ request }) => (await this.loadSystem())?.answer(request)
    this.shards = new Shards(
      options,
      this.identity,
      threads,
      this.log,
      logOpened,
      onRelief,
      this.authResponder,
      this.program,
      ask,
      key,
    )
    const changed = (): void => this.setIdentity(this.identity)
    this.serverPorts = new ServerPorts({ log: this.log, shards: this.shards, changed })
    this.shards.onConnectionsChanged = (accounts) =>
      attempt(this.log.bug, async () => (await this.loadSystem())?.announcements.connectionsChanged(accounts))
  }

  // ── Start ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when all shards serve clients. Rejects, with everything closed again, if that cannot be. */
  async start(): Promise<void> {
    this.logStart()
    try {
      await this.open()
      await this.shards.startOthers()
      this.goOnUnlessClosing()
    } catch (error) {
      // Told once, as by nats-server: by the log or by the program on stderr.
      const isLogged = error instanceof StartError || !logsToStderr(this.options)
      if (!this.hasEnded && isLogged) this.log.fatal(error instanceof Error ? error.message : String(error))
      await this.close()
      throw error
    }
    this.log.info('Server is ready')
    setTimeout(
      guarded(this.log.bug, () => this.loadSystem()),
      STATSZ_FIRST_MS,
    ).unref()
  }

  private logStart(): void {
    const { log, identity, options } = this
    log.info(`Starting nats-server`)
    log.info(`  Version:  ${NATS_VERSION} (heddle ${HEDDLE_VERSION})`)
    log.debug(`  Go build: node ${process.version}`)
    log.info(`  Name:     ${identity.serverName}`)
    log.info(`  ID:       ${identity.serverId}`)
    log.info(`  Shards:   ${shardsText(options.workers)}`)
    if (hasPlainPassword(options)) log.warn('Plaintext passwords detected, use nkeys or bcrypt')
    if (options.configFile !== '') {
      const digest = options.configDigest === '' ? '' : ` (${options.configDigest})`
      log.info(`Using configuration file: ${options.configFile}${digest}`)
    }
  }

  private async open(): Promise<void> {
    const { log, options } = this
    const monitor = this.loadMonitor()
    monitor.catch(() => undefined) // awaited below, if it comes to that
    await log.ready()
    const identities = await this.authResponder.prepare(options, (text) => log.warn(text))
    if ('refused' in identities) throw new Error(identities.refused)
    identities.commit()
    const { tls, commit } = await this.portTls.prepare(options)
    this.goOnUnlessClosing()
    commit()
    this.opening = this.openParts(tls, monitor)
    await this.opening
  }

  /** Opens the ports when the first shard can answer: an accepted connection is served at once. */
  private async openParts(tls: TlsOfPorts, monitor: ReturnType<Primary['loadMonitor']>): Promise<void> {
    const { log, options, shards } = this
    shards.streams = await openStreams(this)
    this.goOnUnlessClosing()
    await shards.start(tls)
    this.goOnUnlessClosing()
    const ports = await ClientPorts.open(options)
    this.ports = ports
    this.goOnUnlessClosing()
    const identity = ports.identity(this.identity.serverId, options)
    await this.serverPorts.open(options, identity)
    this.goOnUnlessClosing()
    this.setIdentity(identity)
    if (options.pidFile !== '') {
      const failed = writePidFile(options.pidFile)
      if (failed !== undefined) throw new StartError(`Could not write pidfile: ${osErrorText(failed)}`, failed)
    }
    await this.startMonitor(await monitor, tls.client)
    this.started = true
    ports.serve(options, log, (handle, kind) => shards.clients.take(handle, kind))
    this.serverPorts.serve()
    this.writePortsFile()
  }

  /** Makes a connection within the process; undefined if it cannot be served at present. */
  connect(events: PipeEvents): PipeEnd | undefined {
    return this.serving ? this.shards.clients.connect(events) : undefined
  }

  private goOnUnlessClosing(): void {
    if (this.hasEnded) throw new Error('the server was stopped while it started')
  }

  /** Loaded on demand: HTTP costs a tenth of the time that a start may take. */
  private async loadMonitor(): Promise<[typeof Monitor, PageSources] | undefined> {
    const { monitorPort, httpsPort } = this.options
    if (monitorPort === undefined && httpsPort === undefined) return undefined
    const { Monitor } = await import('../monitor/monitor.ts')
    return [Monitor, await this.loadPageSources()]
  }

  private async startMonitor(
    loaded: [typeof Monitor, PageSources] | undefined,
    tls: TlsSettings | undefined,
  ): Promise<void> {
    const { monitorHost, monitorPort, httpsPort } = this.options
    const port = monitorPort ?? httpsPort
    this.goOnUnlessClosing()
    if (loaded === undefined || port === undefined) return
    const [Monitor, sources] = loaded
    const monitor = new Monitor(this, sources, port === httpsPort ? tls : undefined)
    this.monitor = monitor
    await monitor.listen(monitorHost, port)
    this.log.info(`Starting ${monitor.scheme} monitor on ${hostPort(monitorHost, monitor.port)}`)
    this.goOnUnlessClosing()
  }

  private loadPageSources(): Promise<PageSources> {
    this.pageSources ??= import('../monitor/sources/page-sources.ts').then(({ PageSources }) => new PageSources(this))
    return this.pageSources
  }

  /** Undefined: there is no system account, or the server ends. */
  private loadSystem(): Promise<PrimarySystem | undefined> {
    if (this.hasEnded) return Promise.resolve(undefined)
    this.system ??= this.createSystem()
    return this.system
  }

  private async createSystem(): Promise<PrimarySystem | undefined> {
    const { systemAccountOf } = await import('../auth/system-account.ts')
    const account = systemAccountOf(this.options)
    if (account === undefined) return undefined
    const { PrimarySystem } = await import('../system/primary/primary-system.ts')
    return new PrimarySystem(this, account, this.shards.sequence, () => this.loadPageSources())
  }

  private writePortsFile(): void {
    const { ports, serverPorts, options, monitor, log } = this
    if (ports === undefined) return
    writePortsFile(options.portsFileDir, { ...ports.urls(options, monitor), ...serverPorts.urls() }, log)
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────

  /** Asks every shard. */
  ask(query: Query): Promise<ShardAnswers> {
    return this.shards.ask(query)
  }

  /** Queries every shard; returns the answers that came. */
  query(query: Query): Promise<readonly Report[]> {
    return this.shards.query(query)
  }

  /** The list of all streams; undefined: there are none on this server. */
  get streams(): StreamList | undefined {
    return this.shards.streams
  }

  /** What is known of the shards without asking them, in their order. */
  get shardStates(): ShardState[] {
    return this.shards.states
  }

  /** Whether clients are let in: false while starting, leaving and stopping, and while every shard is replaced. */
  get serving(): boolean {
    return this.started && this.ports?.isOpen === true && this.shards.serving
  }

  /** Those that the shards were handed and have not counted off. */
  get openConnections(): number {
    return this.shards.clients.openConnections
  }

  get totalConnections(): number {
    return this.shards.clients.totalConnections
  }

  /** Threads replaced so far. */
  get restarts(): number {
    return this.shards.restarts
  }

  /** The client port in use; until it is open, the one that was asked for. */
  get port(): number {
    return this.ports?.port ?? this.options.port
  }

  /** The port for HTTP in use; undefined: there is none. */
  get httpGatewayPort(): number | undefined {
    return this.ports?.httpPort
  }

  get leafCount(): number {
    return this.serverPorts.leafCount
  }

  get routeCounts(): { readonly routes: number; readonly remotes: number } {
    const { routes } = this
    return { routes: routes.length, remotes: new Set(routes.map(({ remoteId }) => remoteId)).size }
  }

  /** Routes to other servers of the cluster. */
  get routes(): readonly RouteFacts[] {
    return this.serverPorts.routes
  }

  get monitorPort(): number | undefined {
    return this.monitor?.port
  }

  get monitorPorts(): MonitorPorts {
    return this.monitor?.ports ?? { http: 0, https: 0 }
  }

  /** The first certificate of each port with TLS, in PEM. */
  get certificates(): { readonly [Port in keyof TlsOfPorts]?: string | undefined } {
    const { client, webSocket, cluster } = this.shards.tls
    return {
      client: client?.pairs.at(0)?.cert,
      webSocket: webSocket?.pairs.at(0)?.cert,
      cluster: cluster?.pairs.at(0)?.cert,
    }
  }

  /** What is known of clients' certificates; undefined: no question yet. */
  get ocspCounts(): OcspCounts | undefined {
    return this.authResponder.ocspCounts
  }

  // ── For tests ─────────────────────────────────────────────────────────────────────────────────────────

  /** What is served on each port, with private keys. */
  get tls(): TlsOfPorts {
    return this.shards.tls
  }

  /** Ends the thread of a shard at once. Throws RangeError if there is no such thread. */
  killShard(index: number): void {
    this.shards.kill(index)
  }

  /** Ends the thread that keeps streams on the disk, at once. Resolves when it has ended. */
  async killStore(): Promise<void> {
    await this.streams?.storage.kill()
  }

  // ── The system account ────────────────────────────────────────────────────────────────────────────────

  /** Publishes in the system account. */
  tell(messages: readonly SystemMessage[]): void {
    this.shards.tell(messages)
  }

  /** Where account tokens come from; undefined outside operator mode. */
  get accountResolver(): AccountResolver | undefined {
    return this.authResponder.accountResolver
  }

  connectionsElsewhere(account: string, count: number): void {
    this.shards.connectionsElsewhere(account, count)
  }

  /** Connected clients go by the tokens that these accounts have now. */
  claimsChanged(accounts: readonly string[]): void {
    this.shards.claimsChanged(accounts)
  }

  /** Tells subscribers that the server ends; resolves when that is on its way to them. */
  private async announceEnd(how: 'SHUTDOWN' | 'LAMEDUCK'): Promise<void> {
    const system = await this.system
    if (system?.announcements.ending(how) === true) await this.query({ kind: 'totals' })
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Goes on by other options, one reload after the other; connections are kept. Resolves when all shards go by them.
   * Rejects, everything being as it was, with an OptionError if a setting changed that cannot
   * (docs/reference/reload-and-signals.md, "Reload"), or with an Error if the new log file cannot be opened.
   * `hooks` take the place of the embedding program's functions.
   */
  reload(options: Options, hooks?: Hooks): Promise<void> {
    const reload = this.reloads.then(() => this.apply(options, hooks))
    this.reloads = reload.catch(() => undefined)
    return reload
  }

  private async apply(given: Options, hooks: Hooks | undefined): Promise<void> {
    if (!this.isRunning) throw new OptionError('the server is not running')
    const fixed = hooks && this.program.cannotTake(hooks)
    if (fixed !== undefined) throw new OptionError(`${fixed} can neither be added nor removed while the server runs`)
    const { log, options: before } = this
    const next = settledOptions(withPortsOf(before, given), before)
    const { refusal } = diffOptions(before, next)
    if (refusal !== undefined) throw new OptionError(refusal)
    const { tls, commit } = await this.portTls.prepare(next)
    const identities = await this.authResponder.prepare(next, (text) => log.warn(text))
    if ('refused' in identities) throw new OptionError(identities.refused)
    log.configure(next)
    identities.commit()
    commit()
    if (hooks !== undefined) this.program.take(hooks)
    this.options = next
    this.configLoadedAt = Date.now()
    await this.useOptions(next, tls)
    this.serverPorts.reload(next, this.identity)
    if (next.clientAdvertise !== before.clientAdvertise || next.maxPayload !== before.maxPayload) this.reintroduce()
    if (next.pidFile !== before.pidFile && next.pidFile !== '') {
      const failed = writePidFile(next.pidFile)
      if (failed !== undefined) log.error(`Failed to write pidfile: ${osErrorText(failed)}`)
    }
    if (next.portsFileDir !== before.portsFileDir) {
      removePortsFile(before.portsFileDir, log)
      this.writePortsFile()
    }
    this.closeExcess(next.maxConnections)
    for (const line of reloadLines(before, next)) log.info(line)
    log.info(`Reloaded server configuration${next.configDigest === '' ? '' : ` (${next.configDigest})`}`)
  }

  /** All parts that talk to peers use these options and certificates. */
  private useOptions(options: Options, tls: TlsOfPorts): Promise<void> {
    this.monitor?.setTls(tls.client)
    return this.shards.setOptions(options, tls)
  }

  /** INFO follows from options that have changed. */
  private reintroduce(): void {
    const { identity, ports } = this
    if (ports === undefined) return
    const next = ports.identity(identity.serverId, this.options)
    this.setIdentity(identity.lameDuck ? { ...next, lameDuck: true } : next)
  }

  private setIdentity(server: ServerIdentity): void {
    this.identity = this.serverPorts.introduce(server)
    this.shards.setIdentity(this.identity)
  }

  private closeExcess(maxConnections: number): void {
    const excess = this.shards.clients.shuffledConnections().slice(maxConnections)
    if (excess.length === 0) return
    this.shards.clients.evict(excess, 'connections')
    this.log.info(`Closed ${excess.length} connections to fall within max_connections`)
  }

  // ── End ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Lame duck mode is on: the server takes nobody new, and ends when its clients are gone. */
  get isLameDuck(): boolean {
    return this.leaving !== undefined
  }

  /**
   * Enters lame duck mode (docs/reference/reload-and-signals.md, "Lame duck mode"). Resolves when the server has ended;
   * called again, it waits for the same.
   */
  lameDuck(): Promise<void> {
    if (!this.isRunning) return this.closed ?? Promise.resolve()
    this.leaving ??= this.leave()
    return this.leaving
  }

  private async leave(): Promise<void> {
    const { log, shards, options } = this
    const { lameDuckDuration, lameDuckGracePeriod } = options
    const { signal } = this.hurry
    this.ports?.close()
    log.info('Entering lame duck mode, stop accepting new clients')
    await this.announceEnd('LAMEDUCK')
    this.setIdentity({ ...this.identity, lameDuck: true })
    this.serverPorts.lameDuck(this.identity)
    if (this.openConnections > 0) {
      await pause(lameDuckGracePeriod, signal)
      if (!signal.aborted) log.info('Closing existing clients')
      const left = shards.clients.shuffledConnections()
      const closeNext = (count: number): void => shards.clients.evict(left.splice(0, count), 'shutdown')
      await closeSpread(left.length, Math.max(0, lameDuckDuration - lameDuckGracePeriod), closeNext, signal)
    }
    await this.close()
  }

  /** Stops listening, closes every connection, ends the shards. */
  close(): Promise<void> {
    this.closed ??= this.shutDown()
    return this.closed
  }

  get isRunning(): boolean {
    return this.started && !this.hasEnded
  }

  /** It ends, or has ended, or could not start. */
  get hasEnded(): boolean {
    return this.closed !== undefined
  }

  private async shutDown(): Promise<void> {
    // Work under way checks `closing`, which is set from the next turn on.
    await Promise.resolve()
    this.hurry.abort()
    if (this.started) this.log.info('Initiating Shutdown...')
    this.closePorts()
    if (this.started) await this.announceEnd('SHUTDOWN')
    await this.shards.stop()
    // What was about to open has done so.
    await this.opening.catch(() => undefined)
    this.closePorts()
    await this.shards.streams?.close()
    this.program.shardEnded(CloseReason.serverShutdown)
    await this.authResponder.close()
    ;(await this.system)?.close()
    ;(await this.pageSources)?.close()
    this.portTls.close()
    await this.monitor?.close()
    if (this.started) {
      removePortsFile(this.options.portsFileDir, this.log)
      this.log.info('Server Exiting..')
    }
    await this.log.close()
  }

  private closePorts(): void {
    this.ports?.close()
    this.serverPorts.close()
  }
}

/** How many threads serve clients, and of how many processors that is. */
function shardsText(workers: number): string {
  const processors = availableParallelism()
  const threads = workers === 0 ? 'none, all on one thread' : `${workers}`
  return `${threads} (${processors} ${processors === 1 ? 'processor' : 'processors'}, see --workers)`
}
