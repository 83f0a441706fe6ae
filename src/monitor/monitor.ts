// The HTTP server of the monitoring pages (docs/reference/monitoring.md, "Pages"). It runs on the primary thread and
// must never block it: every length, count and wait is bounded, no exception leaves a request, and on one connection
// the next answer is made only when the one before it has been read. As on nats-server, every method is answered like
// GET.

import * as http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { hostPort, plainAddress } from '../base/addresses.ts'
import { StartError } from '../base/errors.ts'
import { attempt, guarded } from '../base/guarded.ts'
import { socketBelow } from '../base/node-private.ts'
import { listen } from '../net/listener.ts'
import type { Options } from '../options/options.ts'
import { HttpsContext } from '../tls/context.ts'
import { describeTlsError } from '../tls/errors.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'
import { type Answer, INTERNAL_ERROR, NOT_FOUND } from './answer.ts'
import { BasicAuth, UNAUTHORIZED } from './basic-auth.ts'
import type { Monitored, MonitorPorts } from './monitored.ts'
import { answerOf, type Page, type PageContext } from './page.ts'
import { accountz, accstatz } from './pages/accountz.ts'
import { connz } from './pages/connz.ts'
import { dashboardData } from './pages/dashboard-data.ts'
import { dashboardFiles, dashboardPage } from './pages/dashboard-files.ts'
import { debugVars, stacksz } from './pages/diagnostics.ts'
import { healthz } from './pages/healthz.ts'
import { jsz } from './pages/jsz.ts'
import { leafz } from './pages/leafz.ts'
import { metrics } from './pages/metrics.ts'
import { routez } from './pages/routez.ts'
import { slowz } from './pages/slowz.ts'
import { subjectz } from './pages/subjectz.ts'
import { subsz } from './pages/subsz.ts'
import { gatewayz, ipqueuesz, raftz } from './pages/unsupported.ts'
import { varz } from './pages/varz.ts'
import { parseTarget } from './parameters.ts'
import { linkPrefix, pathUnder, redirection } from './paths.ts'
import type { PageSources } from './sources/page-sources.ts'
import { UntakenAnswers } from './untaken-answers.ts'

/** Request line and headers together, in bytes. */
const HEADER_BYTES_MAX = 16 * 1024
const HEADERS_TIMEOUT_MS = 5_000
/** How often unfinished requests are looked for: how late a timeout may come. */
const TIMEOUT_CHECK_MS = 1_000
/** Bodies are ignored; a client that sends one has this long to end it. */
const REQUEST_TIMEOUT_MS = 10_000
/** A peer that takes no byte of its answer for this long is cut off; longer than a stuck shard lives. */
const IDLE_TIMEOUT_MS = 60_000
const KEEP_ALIVE_MS = 75_000
const CONNECTIONS_MAX = 1_024
const COUNTED_EVERY_MS = 1_000
/** Requests that may wait on one connection for the answers to earlier ones. */
const PIPELINED_MAX = 64

const PAGES: readonly (readonly [path: string, page: Page])[] = [
  ['/varz', varz],
  ['/connz', connz],
  ['/routez', routez],
  ['/gatewayz', gatewayz],
  ['/leafz', leafz],
  ['/subsz', subsz],
  ['/subscriptionsz', subsz],
  ['/accountz', accountz],
  ['/accstatz', accstatz],
  ['/jsz', jsz],
  ['/healthz', healthz],
  ['/stacksz', stacksz],
  ['/ipqueuesz', ipqueuesz],
  ['/raftz', raftz],
  ['/debug/vars', debugVars],
  // Ours.
  ['/metrics', metrics],
  ['/slowz', slowz],
  ['/subjectz', subjectz],
  ['/dashboard.json', dashboardData],
]

/** One connection's requests, in order. */
interface Queue {
  tail: Promise<void>
  length: number
}

/** How nats-server answers plain HTTP where TLS is spoken. */
const HTTP_REFUSAL = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'

export class Monitor {
  /** The address and port in use; port 0 until listening. */
  address = ''
  port = 0
  private readonly server: Monitored
  private readonly http: http.Server
  /** Undefined: the pages are served in plain HTTP. */
  private readonly tls: HttpsContext | undefined
  /** Tells how many handshakes failed that the log has no line for. */
  private countTimer: NodeJS.Timeout | undefined
  /** The user of the pages, from `authOptions`; a reload replaces it. */
  private auth: BasicAuth
  private authOptions: Options
  private readonly sources: PageSources
  /** By their whole paths. */
  private readonly pages: ReadonlyMap<string, Page>
  private readonly queues = new WeakMap<Socket, Queue>()
  private readonly untaken = new UntakenAnswers()

  /** `tls`: the pages are served over HTTPS. */
  constructor(server: Monitored, sources: PageSources, tls?: TlsSettings) {
    this.server = server
    this.sources = sources
    this.authOptions = server.options
    this.auth = basicAuthOf(server.options)
    this.pages = pagesUnder(server.options.monitorBasePath)
    this.tls = tls && new HttpsContext(tls)
    this.http = this.createServer({
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    })
    this.http.maxConnections = CONNECTIONS_MAX
    this.http.setTimeout(IDLE_TIMEOUT_MS)
  }

  private createServer(options: http.ServerOptions): http.Server {
    const { tls } = this
    const onRequest: http.RequestListener = (request, response) =>
      attempt(
        (error) => this.failed(request, error),
        () => this.httpOnRequest(request, response),
      )
    if (tls === undefined) return http.createServer(options, onRequest)
    // Loaded only where it is wanted: it brings TLS along.
    const https = process.getBuiltinModule('node:https')
    const server = https.createServer({ ...options, ...tls.options(HEADERS_TIMEOUT_MS) }, onRequest)
    tls.serve(server)
    // Before Node's own listener, which closes the connection.
    server.prependListener('tlsClientError', (error, socket) =>
      attempt(this.server.log.bug, () => this.handshakeFailed(error, socket)),
    )
    return server
  }

  get scheme(): 'http' | 'https' {
    return this.tls === undefined ? 'http' : 'https'
  }

  /** What later connections are shown. As on nats-server, a server that loses its TLS keeps it here. */
  setTls(settings: TlsSettings | undefined): void {
    if (settings !== undefined) this.tls?.reload(settings)
  }

  /** Port -1 takes a free one. Rejects if the port cannot be had. */
  async listen(host: string, port: number): Promise<void> {
    try {
      const at: AddressInfo = await listen(this.http, host, port)
      this.address = at.address
      this.port = at.port
    } catch (error) {
      throw new StartError(`can't listen to the monitor port: ${error instanceof Error ? error.message : error}`, error)
    }
    // Such as too many open files while accepting: no reason to stop serving clients.
    this.http.on('error', (error) => this.server.log.error(`Error accepting monitoring requests: ${error.message}`))
    const { log, startedAt } = this.server
    if (this.tls !== undefined) {
      const tellCounts = guarded(log.bug, () => log.complaintsCounted())
      this.countTimer = setInterval(tellCounts, COUNTED_EVERY_MS).unref()
    }
    this.sources.sampler.start(startedAt)
  }

  /** Stops at once; answers on their way are cut off. May be called without listen(). */
  close(): Promise<void> {
    this.sources.close()
    clearInterval(this.countTimer)
    return new Promise((resolve) => {
      this.http.close(() => resolve())
      this.http.closeAllConnections()
    })
  }

  private handshakeFailed(error: Error, socket: TLSSocket): void {
    const plain = socketBelow(socket)
    const isHttp = (error as NodeJS.ErrnoException).code === 'ERR_SSL_HTTP_REQUEST'
    if (isHttp) plain.end(HTTP_REFUSAL)
    const why = isHttp ? 'client sent an HTTP request to an HTTPS server' : describeTlsError(error)
    const ip = plainAddress(plain.remoteAddress ?? '')
    const text = `monitoring: TLS handshake error from ${hostPort(ip, plain.remotePort ?? 0)}: ${why}`
    this.server.log.complaint(text, undefined, ip)
  }

  private httpOnRequest(request: http.IncomingMessage, response: http.ServerResponse): void {
    request.resume()
    const { socket } = request
    let queue = this.queues.get(socket)
    if (queue === undefined) {
      queue = { tail: Promise.resolve(), length: 0 }
      this.queues.set(socket, queue)
    }
    if (queue.length >= PIPELINED_MAX) {
      socket.destroy()
      return
    }
    queue.length++
    queue.tail = queue.tail.then(async () => {
      await this.serve(request, response)
      queue.length--
    })
  }

  /** Answers a request and waits until the answer is out, or its peer gone. Never rejects. */
  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      if (request.socket.destroyed) return
      const { status, headers, body } = await this.answer(request)
      const pieces = await body()
      if (response.destroyed || request.socket.destroyed) return
      const gone = new Promise<void>((resolve) => response.once('close', resolve))
      response.once('error', () => undefined) // 'close' follows it
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
      this.untaken.add(response, request.method === 'HEAD' ? 0 : length)
      response.writeHead(status, { ...headers, 'Content-Length': length })
      for (const piece of pieces) response.write(piece)
      response.end()
      await gone
    } catch (error) {
      this.failed(request, error)
    }
  }

  private failed(request: http.IncomingMessage, error: unknown): void {
    this.logBug(request, error)
    request.socket.destroy()
  }

  private async answer(request: http.IncomingMessage): Promise<Answer> {
    try {
      const { path, sent, parameters } = parseTarget(request.url ?? '')
      if (!this.currentAuth().allows(request.headers.authorization ?? '')) return UNAUTHORIZED
      const page = path === undefined ? undefined : this.pages.get(path)
      if (page !== undefined) return await answerOf(page, parameters, this.context(request))
      return redirection(...sent) ?? NOT_FOUND
    } catch (error) {
      this.logBug(request, error)
      return INTERNAL_ERROR
    }
  }

  private currentAuth(): BasicAuth {
    const { options } = this.server
    if (options !== this.authOptions) {
      this.authOptions = options
      this.auth = basicAuthOf(options)
    }
    return this.auth
  }

  private context({ headers }: http.IncomingMessage): PageContext {
    return this.sources.context(this.ports, (name) => String(headers[name] ?? ''))
  }

  get ports(): MonitorPorts {
    return { http: 0, https: 0, [this.scheme]: this.port }
  }

  private logBug(request: http.IncomingMessage, error: unknown): void {
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.server.log.error(`Error making the monitoring page ${JSON.stringify(request.url)}: ${cause}`)
  }
}

function pagesUnder(basePath: string): ReadonlyMap<string, Page> {
  const files = [...dashboardFiles()].map(([path, answer]) => [path, () => answer] as const)
  const all = [['/', dashboardPage(linkPrefix(basePath))] as const, ...PAGES, ...files]
  return new Map(all.map(([path, page]) => [pathUnder(basePath, path), page]))
}

function basicAuthOf({ monitorUser, monitorPassword }: Options): BasicAuth {
  return new BasicAuth(monitorUser, monitorPassword)
}
