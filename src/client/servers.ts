// The servers that a connection may use: those that were configured, and those that servers of their cluster told of.
// One is current; after a failure the next is, in a circle.

import type { Auth } from './authenticator.ts'
import { InvalidArgumentError } from './errors.ts'

export type Scheme = 'nats' | 'tls' | 'unix' | 'ws' | 'wss'

/** One server, as the handler of `reconnectToServer` sees it. */
export interface Server {
  readonly hostname: string
  readonly port: number
  /** Host and port. */
  readonly listen: string
  /** As it was configured, or told of. */
  readonly src: string
  /** The name to expect in its certificate. */
  readonly tlsName: string
  /** Failed attempts since it was connected last. */
  readonly reconnects: number
  /** When it was tried last, in milliseconds since 1970; 0: never. */
  readonly lastConnect: number
  /** Another server told of it. */
  readonly gossiped: boolean
  readonly didConnect: boolean
}

/** What the pool keeps of one. */
export interface ServerEntry extends Server {
  readonly scheme: Scheme
  /** Path and query of a WebSocket's URL, or the path of a Unix socket. */
  readonly path: string
  /** Credentials in its URL. */
  readonly auth: Auth
  reconnects: number
  lastConnect: number
  didConnect: boolean
  gossiped: boolean
}

const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { nats: 4222, tls: 4222, unix: 0, ws: 80, wss: 443 }

function isScheme(name: string): name is Scheme {
  return Object.hasOwn(DEFAULT_PORTS, name)
}

function isWebSocket(scheme: Scheme): boolean {
  return scheme === 'ws' || scheme === 'wss'
}

function credentialsIn(url: URL): Auth {
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  if (user === '') return undefined
  return pass === '' ? { auth_token: user } : { user, pass }
}

/** What all have before the first attempt. */
const NEW = { reconnects: 0, lastConnect: 0, gossiped: false, didConnect: false }

/** What stands behind the scheme of the address `src`. */
function urlOf(rest: string, src: string): URL {
  // An IPv6 address without brackets has more than one colon; URL wants brackets.
  const bare = rest.split(':').length > 2 && !rest.includes('[') && !rest.includes('@') ? `[${rest}]` : rest
  try {
    // A scheme that URL knows has its ports left out where they are its default: one that it knows not keeps them.
    return new URL(`http://${bare.trim()}`)
  } catch (cause) {
    throw InvalidArgumentError.format('servers', `have the address ${src}, which is none`, { cause })
  }
}

/** Reads an address; without a scheme it is one of `scheme`. Throws InvalidArgumentError. */
export function parseServer(src: string, scheme: Scheme, gossip?: { readonly tlsName: string }): ServerEntry {
  const found = src.indexOf('://')
  const named = found < 0 ? scheme : src.slice(0, found).toLowerCase()
  if (!isScheme(named)) throw InvalidArgumentError.format('servers', `have the unknown scheme ${named}`)
  const rest = found < 0 ? src : src.slice(found + '://'.length)
  if (named === 'unix') return parseUnixServer(src, rest)
  const url = urlOf(rest, src)
  const port = url.port !== '' ? Number(url.port) : hasPort80(rest) ? 80 : DEFAULT_PORTS[named]
  const hostname = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return {
    ...NEW,
    scheme: named,
    hostname,
    port,
    listen: `${url.hostname}:${port}`,
    src,
    tlsName: gossip?.tlsName ?? hostname,
    path: `${url.pathname}${url.search}`,
    auth: credentialsIn(url),
    gossiped: gossip !== undefined,
  }
}

/** `unix:///run/heddle.sock`, or with credentials `unix://user:pass@/run/heddle.sock`. The path is not encoded. */
function parseUnixServer(src: string, rest: string): ServerEntry {
  const pathAt = rest.indexOf('/')
  const path = rest.slice(pathAt)
  const url = urlOf(`${rest.slice(0, pathAt)}localhost`, src)
  if (pathAt < 0 || url.host !== 'localhost') {
    throw InvalidArgumentError.format('servers', `have the address ${src}, which is not that of a Unix socket`)
  }
  const auth = credentialsIn(url)
  return { ...NEW, scheme: 'unix', hostname: '', port: 0, listen: path, src, tlsName: '', path, auth }
}

/** Whether port 80 is written out, which URL leaves out of `http`. */
function hasPort80(address: string): boolean {
  const [authority] = address.trim().split('/', 1)
  return authority.endsWith(':80')
}

function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const one = order[i]
    order[i] = order[j]
    order[j] = one
  }
  return order
}

/** Reads addresses, which are all for WebSocket or all not. Throws InvalidArgumentError. */
function parseServers(addresses: readonly string[], scheme: Scheme): ServerEntry[] {
  const entries = addresses.map((address) => parseServer(address, scheme))
  const webSockets = entries.filter(({ scheme: named }) => isWebSocket(named)).length
  if (webSockets > 0 && webSockets < entries.length) {
    throw InvalidArgumentError.format('servers', 'must be all for WebSocket or all not')
  }
  return entries
}

export class Servers {
  /** The first is the next to try. */
  private list: ServerEntry[]
  private readonly randomize: boolean
  private readonly scheme: Scheme

  /** Throws InvalidArgumentError for addresses that are none. */
  constructor(addresses: readonly string[], scheme: Scheme, randomize: boolean) {
    const entries = parseServers(addresses, scheme)
    this.list = randomize ? shuffled(entries) : entries
    this.randomize = randomize
    this.scheme = entries[0]?.scheme ?? scheme
  }

  get size(): number {
    return this.list.length
  }

  /** The next to try; undefined if none is left. */
  get first(): ServerEntry | undefined {
    return this.list[0]
  }

  get pool(): readonly ServerEntry[] {
    return [...this.list]
  }

  /**
   * From now on these are the servers; what is known of one that was there stays known. Throws InvalidArgumentError,
   * and then has changed nothing.
   */
  replace(addresses: readonly string[]): void {
    if (addresses.length === 0) throw InvalidArgumentError.format('servers', 'cannot be empty')
    const entries = parseServers(addresses, this.scheme).map((entry) => this.known(entry) ?? entry)
    if (isWebSocket(entries[0].scheme) !== isWebSocket(this.scheme)) {
      throw InvalidArgumentError.format('servers', 'must be reached as those before, by WebSocket or not')
    }
    // Whoever names one wants it, whatever the cluster tells later.
    for (const entry of entries) entry.gossiped = false
    this.list = this.randomize ? shuffled(entries) : entries
  }

  /** The one of this address; without a scheme, the one of this host and port. */
  private known({ src, listen }: Server): ServerEntry | undefined {
    return this.list.find((one) => one.src === src || (one.listen === listen && !src.includes('://')))
  }

  /** Comes last from now on. */
  moveBack(entry: ServerEntry): void {
    if (this.list.includes(entry)) this.list = [...this.list.filter((one) => one !== entry), entry]
  }

  remove(entry: ServerEntry): void {
    this.list = this.list.filter((one) => one !== entry)
  }

  /**
   * Takes what a server told of its cluster: adds those that are new, and leaves out those that it no longer tells of,
   * unless they were configured or `current`.
   */
  update(told: readonly string[], current: ServerEntry | undefined): { added: string[]; deleted: string[] } {
    const addresses = new Set(told)
    const isGone = (entry: ServerEntry): boolean =>
      entry.gossiped && entry !== current && !addresses.has(entry.src) && !addresses.has(entry.listen)
    const gone = this.list.filter(isGone)
    const known = new Set(this.list.flatMap(({ src, listen }) => [src, listen]))
    const added: ServerEntry[] = []
    for (const address of addresses) {
      if (known.has(address)) continue
      const entry = this.told(address, current)
      if (entry !== undefined && !known.has(entry.listen)) added.push(entry)
    }
    const kept = this.list.filter((entry) => !gone.includes(entry))
    this.list = [...kept, ...(this.randomize ? shuffled(added) : added)]
    return { added: added.map(({ listen }) => listen), deleted: gone.map(({ listen }) => listen) }
  }

  private told(address: string, current: ServerEntry | undefined): ServerEntry | undefined {
    try {
      // Addresses of a cluster are often bare IPs: the certificate has the name that was connected to.
      return parseServer(address, this.scheme, { tlsName: current?.tlsName ?? '' })
    } catch {
      return undefined // what a server says is no reason to fail
    }
  }
}
