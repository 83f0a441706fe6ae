// The cluster as this server sees it, on the primary: which connections are routes to which servers, and which ones
// are missing. Shards have the connections; they ask here whether one may be a route, and tell when it is over.
//
// What is missing is found by looking (tend()): after each change, and every second. A configured server without a
// route is dialled; one that this server has dialled gets as many routes as the pool has places, one after the other,
// and one for each account that is to have its own.

import { isIP } from 'node:net'
import { isAnyAddress } from '../../base/addresses.ts'
import { shownName } from '../../base/errors.ts'
import { attempt, guarded } from '../../base/guarded.ts'
import type { Handle } from '../../base/node-private.ts'
import type { Log } from '../../log/log.ts'
import type { ClusterOptions } from '../../options/cluster.ts'
import type { ClusterIdentity } from '../../protocol/handshake.ts'
import { readServerUrl } from '../../text/server-url.ts'
import {
  poolIndexOf,
  type RouteEvent,
  type RouteHello,
  type RouteOrder,
  type RouteScope,
  type RouteTold,
  type RouteVerdict,
} from '../contract.ts'
import { type KnownRoute, Remote } from './remotes.ts'
import { WantedRoute } from './wanted-routes.ts'

const TEND_MS = 250
/** Servers that others may tell of. */
const IMPLICIT_MAX = 256
const REPORT_EVERY = 60
/** A route that another server refuses is tried again after so long. */
const REFUSED_MS = 10_000

/** What gossip says of telling on. */
const Gossip = { usual: 0, disabled: 1, override: 2 } as const

export interface ClusterOwner {
  readonly log: Pick<Log, 'bug' | 'debug' | 'error' | 'info' | 'warn'>
  readonly serverId: string
  readonly serverName: string
  /** Those that it begins by. */
  readonly cluster: ClusterOptions
  /** Empty: there is none. */
  readonly systemAccount: string
  /** Hands a connection to a shard. Undefined: none can take it. */
  give(handle: Handle, order: RouteOrder): { readonly link: number; readonly shard: number } | undefined
  tell(shard: number, link: number, what: RouteTold): void
  /** A connection is over. */
  ended(shard: number): void
  /** The cluster is another one, or other servers are there for clients. */
  changed(cluster: ClusterIdentity, others: readonly string[]): void
}

export class Cluster {
  private readonly owner: ClusterOwner
  private identity: ClusterIdentity
  private readonly remotes = new Map<string, Remote>()
  private readonly routes = new Map<number, KnownRoute>()
  private options: ClusterOptions
  private wanted: WantedRoute[] = []
  private readonly dialled = new Map<number, { wanted: WantedRoute; account: string }>()
  private timer: NodeJS.Timeout | undefined
  private closed = false

  constructor(owner: ClusterOwner, identity: ClusterIdentity) {
    this.owner = owner
    this.options = owner.cluster
    this.identity = identity
    for (const url of this.options.routes) this.wantConfigured(url)
  }

  private wantConfigured(url: string): void {
    const read = readServerUrl(url)
    if (read === undefined) {
      this.owner.log.error(`Error trying to connect to route: no port in ${withoutUser(url)}`)
      return
    }
    const wanted = new WantedRoute(read.host, read.port, read.credentials, url)
    // What others have told of takes its place, though its routes stay.
    const known = this.wanted.find((each) => !each.isConfigured && each.isAt(read))
    if (known !== undefined) wanted.remoteId = known.remoteId
    this.wanted = [...this.wanted.filter((each) => each !== known), wanted]
  }

  start(): void {
    this.timer = setInterval(
      guarded(this.owner.log.bug, () => this.tend()),
      TEND_MS,
    )
    this.tend()
  }

  close(): void {
    this.closed = true
    clearInterval(this.timer)
  }

  /** A connection has come to the port for routes. Returns whether it was taken. */
  accept(handle: Handle): boolean {
    return this.give(handle, undefined, '') !== undefined
  }

  private give(handle: Handle, wanted: WantedRoute | undefined, account: string): number | undefined {
    const order: RouteOrder = wanted === undefined ? { dialled: undefined } : wanted.order(account, this.serverName)
    const given = this.owner.give(handle, order)
    if (given === undefined) return undefined
    this.routes.set(given.link, { ...given, wanted, slot: '', remote: undefined, isClosing: false })
    if (wanted !== undefined) this.dialled.set(given.link, { wanted, account })
    return given.link
  }

  /** The first name among the configured routes: it is taken to be that of servers with nothing but addresses, too. */
  private get serverName(): string {
    return this.wanted.find(({ host, isConfigured }) => isConfigured && isIP(host) === 0)?.host ?? ''
  }

  // ── Other options ─────────────────────────────────────────────────────────────────────────────────────

  /** Goes on by other options: routes that are not to be any more are closed, others are dialled. */
  reload(options: ClusterOptions, identity: ClusterIdentity): void {
    const before = this.options
    const apart = this.apart
    this.options = options
    this.identity = identity
    for (const route of this.routes.values()) if (this.isOther(route, before, apart)) this.remove(route)
    for (const url of before.routes) if (!options.routes.includes(url)) this.wantNoMore(url)
    for (const url of options.routes) if (!before.routes.includes(url)) this.wantConfigured(url)
    this.told()
    this.tend()
  }

  /** Whether a route is for other accounts by the new options. */
  private isOther({ slot, remote }: KnownRoute, before: ClusterOptions, apart: readonly string[]): boolean {
    if (remote === undefined) return false
    const { poolSize } = this.options
    const isPooled = slot.startsWith('#')
    if (poolSize !== before.poolSize && (isPooled || poolSize === 0 || before.poolSize === 0)) return true
    const changed = [
      ...apart.filter((account) => !this.apart.includes(account)),
      ...this.apart.filter((account) => !apart.includes(account)),
    ]
    if (!isPooled) return changed.includes(slot.slice(1))
    const index = Number(slot.slice(1))
    const size = Math.max(poolSize, remote.hello.poolSize)
    return changed.some((account) => [poolSize, size].some((each) => poolIndexOf(account, each) === index))
  }

  private wantNoMore(url: string): void {
    const gone = this.wanted.find((each) => each.url === url)
    if (gone === undefined) return
    this.wanted = this.wanted.filter((each) => each !== gone)
    for (const route of this.routes.values()) if (route.wanted === gone) this.remove(route)
    this.owner.log.info(`Removed route ${gone.host}:${gone.port}`)
  }

  private remove(route: KnownRoute): void {
    if (route.isClosing) return
    route.isClosing = true
    this.tell(route, { kind: 'close', because: 'removed' })
  }

  // ── What routes tell ──────────────────────────────────────────────────────────────────────────────────

  heard(event: RouteEvent): RouteVerdict | undefined {
    switch (event.kind) {
      case 'register':
        return this.register(event.link, event.ip, event.hello)
      case 'taken':
        this.taken(event.link)
        return undefined
      case 'info':
        this.informed(event.link, event.hello)
        return undefined
      case 'refused':
        this.refusedBy(event.link, event.text)
        return undefined
      case 'ended':
        this.ended(event.link)
        return undefined
    }
  }

  private register(link: number, ip: string, hello: RouteHello): RouteVerdict {
    const { owner } = this
    const route = this.routes.get(link)
    if (route === undefined || this.closed) return refuse('the server ends')
    const dialled = this.dialled.get(link)
    if (hello.serverId === owner.serverId) {
      if (dialled !== undefined) dialled.wanted.isSelf = true
      return refuse('Self route')
    }
    if (hello.serverName !== '' && hello.serverName === owner.serverName) {
      const text = `Remote server has a duplicate name: ${JSON.stringify(hello.serverName)}`
      owner.log.error(text)
      return refuse(text)
    }
    const conflict = this.agreeOnName(hello)
    if (conflict !== undefined) return refuse(conflict, conflict)
    const remote = this.remotes.get(hello.serverId) ?? new Remote(hello, ip)
    if (dialled !== undefined) dialled.wanted.remoteId = remote.id
    const placed = this.place(remote, hello, dialled)
    if ('refused' in placed) return placed
    const { slot, scope } = placed
    const knewPool = remote.hasPool
    route.slot = slot
    route.remote = remote
    remote.routes.set(slot, route)
    const isFirst = !this.remotes.has(remote.id)
    this.remotes.set(remote.id, remote)
    remote.hello = {
      ...hello,
      connectUrls: hello.connectUrls.length > 0 ? hello.connectUrls : remote.hello.connectUrls,
    }
    let gossipMode: number = Gossip.usual
    if (isFirst) {
      remote.isGossiped = hello.gossipMode === Gossip.disabled || dialled?.wanted.isConfigured === false
      if (dialled?.wanted.isConfigured === false) gossipMode = Gossip.disabled
      this.told()
    }
    // A route of one account is told to those with such a route, so that they make theirs.
    const isNews = scope.kind === 'account' || !knewPool
    if (isNews && (!remote.isGossiped || hello.gossipMode === Gossip.override)) this.tellOthers(remote, route)
    if (dialled !== undefined) {
      dialled.wanted.attempts = 0
      const isPooled = slot.startsWith('#')
      if (!isPooled) this.done(link)
      return { scope, gossipMode, asksForPong: isPooled }
    }
    return { scope, gossipMode, asksForPong: false }
  }

  /** Which route of those to this server it is. */
  private place(
    remote: Remote,
    hello: RouteHello,
    dialled: { readonly account: string } | undefined,
  ): { slot: string; scope: RouteScope } | Extract<RouteVerdict, { refused: string }> {
    const { poolSize } = this.options
    const isPooled = poolSize > 0 && hello.poolSize > 0
    const account = dialled?.account ?? hello.account
    if (account !== '') {
      if (!isPooled) {
        return refuse(
          'no pool',
          `Not possible to have a dedicated route for account ${JSON.stringify(account)} between those servers`,
        )
      }
      if (!this.apart.includes(account)) return refuse('no route', `No route for account ${JSON.stringify(account)}`)
      return this.unlessTaken(remote, `@${account}`, { kind: 'account', account })
    }
    if (!isPooled) return this.unlessTaken(remote, '-', { kind: 'all' })
    const size = Math.max(poolSize, hello.poolSize)
    const index = dialled === undefined ? (hello.poolIndex ?? 0) : remote.freeIndex(size)
    if (index === undefined) return refuse('Duplicate Route')
    if (index < 0 || index >= size) {
      return refuse('pool index', `Invalid route pool index: ${index} - pool size is ${size}`)
    }
    return this.unlessTaken(remote, `#${index}`, { kind: 'pool', index, size: poolSize, apart: this.apart })
  }

  private unlessTaken(remote: Remote, slot: string, scope: RouteScope): ReturnType<Cluster['place']> {
    return remote.routes.has(slot) ? refuse('Duplicate Route') : { slot, scope }
  }

  /** Accounts that have routes of their own. */
  private get apart(): readonly string[] {
    const { systemAccount } = this.owner
    const { accounts } = this.options
    return systemAccount === '' ? accounts : [...new Set([...accounts, systemAccount])]
  }

  /** Both servers are to be in one cluster: a name that was made up is given up. Returns why they cannot be. */
  private agreeOnName({ cluster: theirs, isDynamic, serverName }: RouteHello): string | undefined {
    const { name, isDynamic: isOwnDynamic } = this.identity
    if (theirs === '' || theirs === name) return undefined
    if (!isOwnDynamic && !isDynamic) {
      return `Rejecting connection, cluster name ${JSON.stringify(theirs)} does not match ${JSON.stringify(name)}`
    }
    if (!isOwnDynamic || (isDynamic && name > theirs)) return undefined
    this.identity = { ...this.identity, name: theirs, isDynamic }
    this.owner.log.info(`Cluster name updated to ${shownName(theirs)}`)
    this.told()
    for (const route of this.routes.values()) {
      if (route.remote !== undefined && route.remote.hello.serverName !== serverName)
        this.tell(route, { kind: 'close', because: 'duplicate' })
    }
    return undefined
  }

  private taken(link: number): void {
    this.done(link)
    this.tend()
  }

  /** Nothing is awaited of a dialled connection any more: the next one to that server may be made. */
  private done(link: number): void {
    const dialled = this.dialled.get(link)
    if (dialled !== undefined) dialled.wanted.isUnderway = false
  }

  private refusedBy(link: number, text: string): void {
    const dialled = this.dialled.get(link)
    if (dialled === undefined || dialled.account === '') return
    const again = performance.now() + REFUSED_MS
    this.remotes.get(dialled.wanted.remoteId)?.refused.set(dialled.account, again)
    this.owner.log.error(`Route of account ${JSON.stringify(dialled.account)} was refused: ${text}`)
  }

  /** A connection is over, or never reached its shard. */
  ended(link: number): void {
    const route = this.routes.get(link)
    if (route === undefined) return
    this.routes.delete(link)
    this.owner.ended(route.shard)
    const dialled = this.dialled.get(link)
    this.dialled.delete(link)
    if (dialled !== undefined) {
      const { wanted } = dialled
      wanted.isUnderway = false
      if (route.remote === undefined) {
        wanted.attempts++
        wanted.wait(this.options.connectBackoff)
      } else wanted.lost()
    }
    const { remote, slot } = route
    if (remote === undefined || remote.routes.get(slot) !== route) return
    remote.routes.delete(slot)
    if (remote.routes.size > 0) return
    this.remotes.delete(remote.id)
    this.told()
  }

  /** A shard has died, and its connections with it. */
  shardDied(shard: number): void {
    for (const { link, shard: on } of [...this.routes.values()]) if (on === shard) this.ended(link)
    this.tend()
  }

  // ── Gossip ────────────────────────────────────────────────────────────────────────────────────────────

  private tell({ shard, link }: KnownRoute, what: RouteTold): void {
    this.owner.tell(shard, link, what)
  }

  /** Tells all other servers of one that has come. */
  private tellOthers(remote: Remote, route: KnownRoute): void {
    const { hello, ip } = remote
    const url = hello.ip || `nats-route://${ip.includes(':') ? `[${ip}]` : ip}:${hello.port}/`
    for (const other of this.remotes.values()) {
      const to = route.slot.startsWith('@') ? other.routes.get(route.slot) : other.anyRoute
      if (other === remote || to === undefined) continue
      const isExplicit = route.wanted?.isConfigured === true || other.isConfigured
      const mode = isExplicit ? Gossip.override : route.wanted === undefined ? Gossip.disabled : Gossip.usual
      this.tell(to, { kind: 'send', line: gossipLine(hello, url, mode, route.slot) })
    }
  }

  private informed(link: number, hello: RouteHello): void {
    const remote = this.routes.get(link)?.remote
    if (remote === undefined) return
    if (hello.serverId !== remote.id) {
      this.heardOf(hello)
      return
    }
    if (!hello.isLameDuck || remote.isLameDuck) return
    this.owner.log.debug(`Server ${shownName(remote.hello.serverName)} is in lame duck mode`)
    remote.isLameDuck = true
    this.told()
  }

  /** Another server tells of one. */
  private heardOf(hello: RouteHello): void {
    const { owner, wanted, options } = this
    if (hello.serverId === owner.serverId || this.remotes.has(hello.serverId)) return
    const read = readServerUrl(hello.ip || `${hello.host}:${hello.port}`)
    if (read === undefined || isAnyAddress(read.host)) return
    if (wanted.some((each) => each.isAt(read))) return
    if (wanted.filter(({ isConfigured }) => !isConfigured).length >= IMPLICIT_MAX) return
    const { username = '', password = '' } = hello.authRequired ? (options.credentials ?? {}) : {}
    const implicit = new WantedRoute(read.host, read.port, [username, password], undefined)
    implicit.notBeforeMs = performance.now() + Math.random() * 100
    wanted.push(implicit)
    this.tend()
  }

  /** Tells the owner who is there. */
  private told(): void {
    const others = [...this.remotes.values()].flatMap(({ hello, isLameDuck }) => (isLameDuck ? [] : hello.connectUrls))
    this.owner.changed(this.identity, this.options.noAdvertise ? [] : [...new Set(others)])
  }

  /** This server is about to end: others are told, once each. */
  tellAll(line: string): void {
    for (const remote of this.remotes.values()) {
      const route = remote.anyRoute
      if (route !== undefined) this.tell(route, { kind: 'send', line })
    }
  }

  // ── What is missing ───────────────────────────────────────────────────────────────────────────────────

  private tend(): void {
    if (this.closed) return
    const now = performance.now()
    for (const wanted of this.wanted) {
      if (wanted.isUnderway || wanted.isSelf) continue
      const account = this.missing(wanted, now)
      if (account === undefined) continue
      if (now < wanted.notBeforeMs) continue
      if (!wanted.isConfigured && wanted.attempts > this.options.connectRetries) {
        this.wanted = this.wanted.filter((each) => each !== wanted)
        continue
      }
      wanted.isUnderway = true
      attempt(this.owner.log.bug, () => this.dial(wanted, account))
    }
  }

  /** The account of a route that is missing (empty: one of the pool); undefined: none is. */
  private missing(wanted: WantedRoute, now: number): string | undefined {
    const remote = this.remotes.get(wanted.remoteId)
    if (remote === undefined) return ''
    if (remote.isChanging) return undefined
    const { poolSize } = this.options
    if (poolSize === 0 || remote.hello.poolSize === 0) return remote.routes.has('-') ? undefined : ''
    if (remote.freeIndex(Math.max(poolSize, remote.hello.poolSize)) !== undefined) return ''
    return this.apart.find((account) => !remote.routes.has(`@${account}`) && (remote.refused.get(account) ?? 0) < now)
  }

  private async dial(wanted: WantedRoute, account: string): Promise<void> {
    const { log } = this.owner
    const at = `${wanted.host}:${wanted.port}`
    log.debug(`Trying to connect to route on ${at}`)
    const result = await wanted.dial(log.bug)
    if (typeof result === 'string') {
      wanted.isUnderway = false
      wanted.attempts++
      wanted.wait(this.options.connectBackoff)
      const text = `Error trying to connect to route (attempt ${wanted.attempts}): ${at}: ${result}`
      if (wanted.attempts === 1 || wanted.attempts % REPORT_EVERY === 0) log.error(text)
      else log.debug(text)
      return
    }
    const isWanted = !this.closed && this.wanted.includes(wanted)
    if (!isWanted || this.give(result, wanted, account) === undefined) {
      result.close()
      wanted.isUnderway = false
      wanted.wait(false)
    }
  }

  // ── For pages ─────────────────────────────────────────────────────────────────────────────────────────

  get name(): string {
    return this.identity.name
  }

  /** Registered routes, by their numbers. */
  get registered(): readonly (KnownRoute & { readonly remote: Remote })[] {
    return [...this.routes.values()].filter(
      (route): route is KnownRoute & { readonly remote: Remote } => route.remote !== undefined,
    )
  }
}

const refuse = (refused: string, text = ''): Extract<RouteVerdict, { refused: string }> => ({ refused, text })

/** A URL of the configuration, without its user. */
const withoutUser = (url: string): string => url.slice(url.lastIndexOf('@') + 1)

/** INFO about another server. */
function gossipLine(hello: RouteHello, url: string, mode: number, slot: string): string {
  const members = {
    server_id: hello.serverId,
    server_name: hello.serverName,
    version: hello.version,
    host: hello.host,
    port: hello.port,
    headers: hello.headers,
    ...(hello.authRequired ? { auth_required: true } : {}),
    max_payload: 0,
    ip: url,
    cluster: hello.cluster,
    ...(slot.startsWith('@') ? { route_account: slot.slice(1) } : {}),
    ...(mode === 0 ? {} : { gossip_mode: mode }),
  }
  return `INFO ${JSON.stringify(members)}\r\n`
}
