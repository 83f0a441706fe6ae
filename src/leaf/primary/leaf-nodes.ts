// All leaf links of this server, on the primary. Shards have the connections; they ask here whether one may stay, and
// tell when it is over. Remotes without a link are dialled (tend()): after each change, and a few times a second.

import { attempt, guarded } from '../../base/guarded.ts'
import type { Handle } from '../../base/node-private.ts'
import type { Log } from '../../log/log.ts'
import type { LeafnodeOptions, LeafRemoteOptions } from '../../options/leafnodes.ts'
import type { LeafEvent, LeafIdentity, LeafOrder, LeafTold, LeafVerdict } from '../contract.ts'
import { Remote } from './remotes.ts'

const TEND_MS = 100
const REPORT_EVERY = 60

export interface LeafNodesOwner {
  readonly log: Pick<Log, 'bug' | 'debug' | 'error' | 'info' | 'warn'>
  /** Hands a connection to a shard. Undefined: none can take it. */
  give(handle: Handle, order: LeafOrder): { readonly link: number; readonly shard: number } | undefined
  tell(shard: number, link: number, what: LeafTold): void
  /** A shard has one more connection, which nobody has given it. */
  came(shard: number): void
  /** A connection is over. */
  ended(shard: number): void
}

/** A link that a shard has. */
interface KnownLeaf {
  readonly link: number
  readonly shard: number
  /** Undefined: the other server has dialled. */
  readonly remote: Remote | undefined
  /** Undefined: it is not bound to an account yet. */
  identity: LeafIdentity | undefined
}

export class LeafNodes {
  private readonly owner: LeafNodesOwner
  private options: LeafnodeOptions
  private remotes: Remote[]
  private readonly links = new Map<number, KnownLeaf>()
  private timer: NodeJS.Timeout | undefined
  private closed = false
  /** Nothing is dialled, and nothing taken, any more. */
  private isEnding = false

  constructor(owner: LeafNodesOwner, options: LeafnodeOptions) {
    this.owner = owner
    this.options = options
    this.remotes = options.remotes.map((remote) => new Remote(remote))
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

  /** Links end one after the other with the clients, and none begins. */
  lameDuck(): void {
    this.isEnding = true
    for (const { shard, link } of this.links.values()) this.owner.tell(shard, link, { kind: 'close', text: '' })
  }

  /** A connection has come to the port for leaf nodes. Returns whether it was taken. */
  accept(handle: Handle): boolean {
    return !this.isEnding && this.give(handle, { dialled: undefined }, undefined) !== undefined
  }

  private give(handle: Handle, order: LeafOrder, remote: Remote | undefined): number | undefined {
    const given = this.owner.give(handle, order)
    if (given === undefined) return undefined
    this.links.set(given.link, { ...given, remote, identity: undefined })
    return given.link
  }

  // ── What links tell ───────────────────────────────────────────────────────────────────────────────────

  heard(event: LeafEvent): LeafVerdict | undefined {
    switch (event.kind) {
      case 'came':
        this.came(event.link, event.shard)
        return undefined
      case 'bound':
        return this.bound(event.link, event.identity, event.most)
      case 'urls':
        this.links.get(event.link)?.remote?.discovered(event.urls)
        return undefined
      case 'ended':
        this.ended(event.link, event.delayMs)
        return undefined
    }
  }

  private came(link: number, shard: number): void {
    this.links.set(link, { link, shard, remote: undefined, identity: undefined })
    this.owner.came(shard)
    if (this.isEnding) this.owner.tell(shard, link, { kind: 'close', text: '' })
  }

  private bound(link: number, identity: LeafIdentity, most: number): LeafVerdict | undefined {
    const known = this.links.get(link)
    if (known === undefined || this.closed) return { refused: '' }
    const { remote } = known
    // The hub’s cluster is below this server already: what goes up would come back.
    if (remote !== undefined && identity.cluster !== '' && this.hasBelow(identity)) {
      return { refused: loopText(identity.account) }
    }
    if (most >= 0 && this.boundTo(identity.account) >= most) {
      return { refused: 'maximum account active connections exceeded' }
    }
    if (remote === undefined) this.closeAlike(identity)
    else remote.attempts = 0
    known.identity = identity
    return undefined
  }

  /** Links of the account, whoever has dialled. */
  private boundTo(account: string): number {
    let count = 0
    for (const { identity } of this.links.values()) if (identity?.account === account) count++
    return count
  }

  private hasBelow({ account, cluster }: LeafIdentity): boolean {
    for (const { remote, identity } of this.links.values()) {
      if (remote === undefined && identity?.account === account && identity.cluster === cluster) return true
    }
    return false
  }

  /** Of two links that are alike the other server has given up the older one, whether it was noticed or not. */
  private closeAlike(identity: LeafIdentity): void {
    if (identity.remoteAccount === '') return
    for (const { link, shard, remote, identity: other } of this.links.values()) {
      if (remote !== undefined || other === undefined || !areAlike(identity, other)) continue
      this.owner.tell(shard, link, { kind: 'close', text: 'Duplicate Remote LeafNode Connection' })
    }
  }

  private ended(link: number, delayMs: number): void {
    const known = this.links.get(link)
    if (known === undefined) return
    this.links.delete(link)
    this.owner.ended(known.shard)
    known.remote?.wait(Math.max(delayMs, this.options.reconnect))
  }

  /** A shard has died, and its connections with it. */
  shardDied(shard: number): void {
    for (const { link, shard: on } of [...this.links.values()]) if (on === shard) this.ended(link, 0)
    this.tend()
  }

  /** Other remotes are configured: those that are gone are closed, new ones are dialled. */
  reload(options: LeafnodeOptions): void {
    this.options = options
    const wanted = options.remotes.map((remote) => [keyOf(remote), remote] as const)
    const before = new Map(this.remotes.map((remote) => [keyOf(remote.options), remote]))
    this.remotes = wanted.map(([key, remote]) => before.get(key) ?? new Remote(remote))
    const kept = new Set(this.remotes)
    for (const { link, shard, remote } of this.links.values()) {
      if (remote !== undefined && !kept.has(remote)) this.owner.tell(shard, link, { kind: 'close', text: '' })
    }
    this.tend()
  }

  // ── What is missing ───────────────────────────────────────────────────────────────────────────────────

  /** Links that are bound to an account. */
  get count(): number {
    let count = 0
    for (const { identity } of this.links.values()) if (identity !== undefined) count++
    return count
  }

  private tend(): void {
    if (this.closed || this.isEnding) return
    const now = performance.now()
    for (const remote of this.remotes) {
      if (remote.options.disabled || remote.isUnderway || now < remote.notBeforeMs) continue
      remote.isUnderway = true
      attempt(this.owner.log.bug, () => this.dial(remote))
    }
  }

  private async dial(remote: Remote): Promise<void> {
    const { log } = this.owner
    const dialled = await remote.dial(log.bug)
    const waitMs = this.options.reconnect * (1 + Math.random())
    if ('failed' in dialled) {
      remote.attempts++
      remote.wait(waitMs)
      const { url, failed } = dialled
      const what = `Error trying to connect as leafnode to remote server ${JSON.stringify(url)}`
      const text = `${what} (attempt ${remote.attempts}): ${failed}`
      if (remote.attempts === 1 || remote.attempts % REPORT_EVERY === 0) log.error(text)
      else log.debug(text)
      return
    }
    const isWanted = !this.closed && !this.isEnding && this.remotes.includes(remote)
    const link = isWanted ? this.give(dialled.handle, dialled.order, remote) : undefined
    if (link === undefined) {
      dialled.handle.close()
      remote.wait(waitMs)
    } else remote.link = link
  }
}

/** Two remotes that are the same in everything. */
function keyOf(remote: LeafRemoteOptions): string {
  return JSON.stringify(remote)
}

function areAlike(one: LeafIdentity, other: LeafIdentity): boolean {
  return (
    one.serverName === other.serverName &&
    one.cluster === other.cluster &&
    one.account === other.account &&
    one.remoteAccount === other.remoteAccount
  )
}

/** `account`: a byte string. */
function loopText(account: string): string {
  const name = JSON.stringify(Buffer.from(account, 'latin1').toString())
  return `Loop detected for leafnode account=${name}. Delaying attempt to reconnect for 30s`
}
