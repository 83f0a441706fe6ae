// The port for leaf nodes, if there is one, and the leaf links of this server, those that it dials among them.

import { hostPort, parseHostPort, reachedFromOutside } from '../base/addresses.ts'
import { LeafNodes } from '../leaf/primary/leaf-nodes.ts'
import type { Log } from '../log/log.ts'
import { Listener } from '../net/listener.ts'
import type { LeafnodeOptions } from '../options/leafnodes.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import type { Shards } from './shards.ts'

export class LeafPort {
  readonly leafNodes: LeafNodes
  /** Undefined: leaf nodes do not come here. */
  private readonly listener: Listener | undefined
  private readonly options: LeafnodeOptions

  /** Rejects with a StartError if the port cannot be had. */
  static async open(options: LeafnodeOptions, log: Log, shards: Shards): Promise<LeafPort> {
    const listener = options.port === 0 ? undefined : await Listener.open(options.host, options.port)
    return new LeafPort(options, listener, log, shards)
  }

  private constructor(options: LeafnodeOptions, listener: Listener | undefined, log: Log, shards: Shards) {
    this.options = options
    this.listener = listener
    if (listener !== undefined)
      log.info(`Listening for leafnode connections on ${hostPort(options.host, listener.port)}`)
    this.leafNodes = new LeafNodes(
      {
        log,
        give: (handle, order) => shards.takeLink(handle, 'leaf', order),
        tell: (shard, link, what) => shards.tellLink(shard, link, what),
        came: (shard) => shards.linkCame(shard),
        ended: (shard) => shards.linkEnded(shard),
      },
      options,
    )
    shards.onLeaf = (event) => this.leafNodes.heard(event)
    shards.whenShardDies((shard) => this.leafNodes.shardDied(shard))
  }

  /** Connections are taken, and others dialled, from now on. */
  serve(log: Log): void {
    this.listener?.serve(
      (handle) => this.leafNodes.accept(handle),
      (error) => log.error(`Error accepting leafnode connections: ${error.message}`),
    )
    this.leafNodes.start()
  }

  /** What INFO says of a server with this port. */
  introduce(server: ServerIdentity): ServerIdentity {
    const { options, listener } = this
    if (listener === undefined) return server
    const { host, advertise } = options
    const { port } = listener
    const announced = advertise === '' ? { host, port } : parseHostPort(advertise, port)
    return { ...server, leaf: { host, port, urls: reachedFromOutside(announced.host, announced.port) } }
  }

  offerWaiting(): void {
    this.listener?.offerWaiting()
  }

  /** No leaf node comes any more, and those that there are go. */
  lameDuck(): void {
    this.listener?.close()
    this.leafNodes.lameDuck()
  }

  close(): void {
    this.leafNodes.close()
    this.listener?.close()
  }
}
