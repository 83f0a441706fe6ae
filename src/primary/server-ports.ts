// The ports for other servers: for those of the cluster, and for leaf nodes. The code behind each is loaded only where
// there is one.

import type { Log } from '../log/log.ts'
import type { Options } from '../options/options.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { RouteFacts } from '../routes/contract.ts'
import type { ClusterPort } from './cluster-port.ts'
import type { LeafPort } from './leaf-port.ts'
import type { Shards } from './shards.ts'

export interface ServerPortsOwner {
  readonly log: Log
  readonly shards: Shards
  /** INFO says something else. */
  changed(): void
}

export class ServerPorts {
  private readonly owner: ServerPortsOwner
  /** Undefined: the server is in no cluster. */
  private cluster: ClusterPort | undefined
  /** Undefined: the server has no leaf nodes and is none. */
  private leafs: LeafPort | undefined

  constructor(owner: ServerPortsOwner) {
    this.owner = owner
  }

  /** Opens those that the options ask for. Rejects with a StartError if one cannot be had; then close() ends it. */
  async open(options: Options, server: ServerIdentity): Promise<void> {
    const { owner } = this
    if (options.cluster !== undefined) {
      const [{ ClusterPort }, { systemAccountOf }] = await Promise.all([
        import('./cluster-port.ts'),
        import('../auth/system-account.ts'),
      ])
      const systemAccount = systemAccountOf(options) ?? ''
      this.cluster = await ClusterPort.open(options, server, { ...owner, systemAccount })
    }
    if (options.leafnodes !== undefined) {
      const { LeafPort } = await import('./leaf-port.ts')
      this.leafs = await LeafPort.open(options.leafnodes, owner.log, owner.shards)
    }
  }

  /** What INFO says of a server with these ports. */
  introduce(server: ServerIdentity): ServerIdentity {
    const member = this.cluster?.introduce(server) ?? server
    return this.leafs?.introduce(member) ?? member
  }

  /** Connections are taken, and others dialled, from now on. */
  serve(): void {
    const { log } = this.owner
    this.cluster?.serve(log)
    this.leafs?.serve(log)
  }

  /** Shards can take connections again: offers them the waiting ones. */
  offerWaiting(): void {
    this.cluster?.offerWaiting()
    this.leafs?.offerWaiting()
  }

  /** Options are others, and shards have them. */
  reload(options: Options, server: ServerIdentity): void {
    const { leafnodes } = options
    this.cluster?.reload(options, server)
    if (leafnodes !== undefined) this.leafs?.leafNodes.reload(leafnodes)
  }

  /** Other servers send no clients here any more, and leaf nodes go. */
  lameDuck(server: ServerIdentity): void {
    this.cluster?.lameDuck(server)
    this.leafs?.lameDuck()
  }

  close(): void {
    this.cluster?.close()
    this.leafs?.close()
  }

  /** Routes that are up. */
  get routes(): readonly RouteFacts[] {
    return this.cluster?.routes ?? []
  }

  get leafCount(): number {
    return this.leafs?.leafNodes.count ?? 0
  }

  /** What the ports file says of them. */
  urls(): { readonly cluster?: string[] } {
    return this.cluster === undefined ? {} : { cluster: this.cluster.urls }
  }
}
