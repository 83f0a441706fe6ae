// A server of which this one is a leaf node: where it may be reached, and when it is dialled next
// (docs/reference/leaf-nodes.md, "Reconnecting").

import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostPort } from '../../base/addresses.ts'
import { TLS_TIMEOUT_MS } from '../../base/constants.ts'
import type { OnBug } from '../../base/guarded.ts'
import type { Handle } from '../../base/node-private.ts'
import { dial } from '../../net/dial.ts'
import { dialThrough, type Tunnel } from '../../net/http-tunnel.ts'
import type { LeafRemoteOptions } from '../../options/leafnodes.ts'
import type { DialledTls } from '../../remote/entry.ts'
import { Characters } from '../../text/scan.ts'
import { readServerUrl, type ServerUrl } from '../../text/server-url.ts'
import type { WebSocketTarget } from '../../websocket/client-handshake.ts'
import type { LeafOrder } from '../contract.ts'
import { readCredentials } from '../credentials.ts'

/** Where WebSockets are leaf nodes. */
const LEAF_PATH = '/leafnode'
const PATH_ENDS = new Characters('?#')
/** Addresses that other servers may tell of. */
const DISCOVERED_MAX = 64

export class Remote {
  readonly options: LeafRemoteOptions
  private readonly configured: readonly ServerUrl[]
  private urls: ServerUrl[]
  private current: ServerUrl | undefined
  /** A connection is being made, or there is one. */
  isUnderway = false
  /** The link that it has; undefined: none. */
  link: number | undefined
  /** Failed attempts since the last one that succeeded. */
  attempts = 0
  /** Not dialled before this moment, in milliseconds of performance.now(). */
  notBeforeMs = 0

  constructor(options: LeafRemoteOptions) {
    this.options = options
    const urls = options.urls.flatMap((url) => readServerUrl(url) ?? [])
    if (!options.noRandomize) shuffle(urls)
    this.configured = urls
    this.urls = [...urls]
  }

  /** The other server has told where it, and others of its cluster, may be reached. */
  discovered(texts: readonly string[]): void {
    const { configured } = this
    const found: ServerUrl[] = []
    for (const text of texts.slice(0, DISCOVERED_MAX)) {
      const url = readServerUrl(text)
      if (url === undefined || configured.some(({ host, port }) => host === url.host && port === url.port)) continue
      // The first user that is configured is meant for those that are heard of, too.
      const { credentials } = configured.find((one) => one.credentials[0] !== '') ?? url
      found.push({ ...url, scheme: configured[0]?.scheme ?? '', credentials })
    }
    this.urls = [...found, ...configured]
  }

  /** The URL to be dialled: the one behind the latest. */
  private next(): ServerUrl | undefined {
    const { urls, current } = this
    if (urls.length > 1 && urls[0] === current) urls.push(urls.shift() as ServerUrl)
    this.current = urls[0]
    return this.current
  }

  /** Connects; resolves with the connection and what it is to be, or with why there is none. */
  async dial(bugMet: OnBug): Promise<{ handle: Handle; order: LeafOrder } | { url: string; failed: string }> {
    const url = this.next()
    if (url === undefined) return { url: this.options.urls.join(','), failed: 'no address' }
    const shown = `${url.host}:${url.port}`
    const signer = await this.signer()
    if (signer === undefined) {
      return { url: shown, failed: `the file ${this.options.credentials} has no user’s token and seed` }
    }
    const tls = await this.tlsFor(url)
    if (typeof tls === 'string') return { url: shown, failed: tls }
    const reached = await this.reach(url, bugMet)
    if (typeof reached === 'string') return { url: shown, failed: reached }
    const { handle, early } = reached
    const webSocket = this.webSocketAt(url)
    if (webSocket !== undefined && early.length > 0) {
      handle.close()
      return { url: shown, failed: 'something has come before the request for a WebSocket' }
    }
    const [username, password] = url.credentials
    const dialled = {
      remote: this.options,
      url: `${url.scheme}://${shown}`,
      username,
      password,
      ...signer,
      tls,
      early,
      webSocket,
    }
    return { handle, order: { dialled } }
  }

  private async reach({ host, port }: ServerUrl, bugMet: OnBug): Promise<Tunnel | string> {
    const { proxy, dialTimeout } = this.options
    if (proxy !== undefined) return dialThrough(proxy, host, port, bugMet)
    const handle = await dial(host, port, dialTimeout, bugMet)
    return typeof handle === 'string' ? handle : { handle, early: Buffer.alloc(0) }
  }

  private webSocketAt({ scheme, host, port }: ServerUrl): WebSocketTarget | undefined {
    if (!isWebSocket(scheme)) return undefined
    const { webSocketCompression: compression, noMasking } = this.options
    // An address that was told has the path of the others.
    const { path = '' } = this.configured.find((url) => url.host === host && url.port === port) ?? this.configured[0]
    let folder = path.slice(0, PATH_ENDS.firstIn(path, 0))
    while (folder.endsWith('/')) folder = folder.slice(0, -1)
    return { host: hostPort(host, port), path: `${folder}${LEAF_PATH}`, compression, masking: !noMasking }
  }

  /** What TLS to this address needs: files are read anew each time. Or what is wrong with them. */
  private async tlsFor({ scheme, host }: ServerUrl): Promise<DialledTls | string> {
    const { tls, pinnedCerts } = this.options
    const timeoutMs = tls?.timeout || TLS_TIMEOUT_MS
    const common = { hosts: [this.nameOf(host)], pinnedCerts, timeoutMs } as const
    if (tls === undefined) return { ...common, settings: {}, required: isSecure(scheme), first: false }
    const { readRemoteTls } = await import('../../tls/remote.ts')
    const settings = readRemoteTls(tls)
    if ('error' in settings) return settings.error
    return { ...common, settings: settings.value, required: true, first: tls.handshakeFirst }
  }

  /** For which name the certificate at an address is to be: one that was told in digits has the name of the others. */
  private nameOf(host: string): string {
    if (isIP(host) === 0 || this.configured.some((url) => url.host === host)) return host
    return this.configured.find((url) => isIP(url.host) === 0)?.host ?? host
  }

  private async signer(): Promise<{ jwt: string; seed: string } | undefined> {
    const { credentials } = this.options
    if (credentials === '') return { jwt: '', seed: '' }
    try {
      return readCredentials(await readFile(credentials, 'utf8'))
    } catch {
      return undefined
    }
  }

  wait(ms: number): void {
    this.isUnderway = false
    this.link = undefined
    this.notBeforeMs = performance.now() + ms
  }
}

function isWebSocket(scheme: string): boolean {
  return scheme === 'ws' || scheme === 'wss'
}

function isSecure(scheme: string): boolean {
  return scheme === 'tls' || scheme === 'wss'
}

function shuffle<T>(items: T[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    ;[items[i], items[j]] = [items[j], items[i]]
  }
}
