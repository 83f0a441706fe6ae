// The port for other servers of the cluster, and the cluster behind it.

import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { hostPort, listenerUrls, parseHostPort, reachedFromOutside } from '../base/addresses.ts'
import type { Log } from '../log/log.ts'
import { Listener } from '../net/listener.ts'
import type { ClusterOptions } from '../options/cluster.ts'
import type { Options } from '../options/options.ts'
import type { ClusterIdentity, ServerIdentity } from '../protocol/handshake.ts'
import type { RouteFacts } from '../routes/contract.ts'
import { infoLine } from '../routes/hello.ts'
import { Cluster } from '../routes/primary/cluster.ts'
import type { Shards } from './shards.ts'

/** As long as the names that nats-server makes up. */
const NAME_BYTES = 11

const INSECURE =
  'TLS certificate chain and hostname of solicited routes will not be verified. DO NOT USE IN PRODUCTION!'

export interface ClusterPortOwner {
  readonly log: Log
  readonly shards: Shards
  readonly systemAccount: string
  /** INFO says something else. */
  changed(): void
}

export class ClusterPort {
  readonly cluster: Cluster
  private readonly listener: Listener
  private options: ClusterOptions
  private readonly log: Log
  private identity: ClusterIdentity
  private others: readonly string[] = []

  /** Rejects with a StartError if the port cannot be had. */
  static async open(options: Options, server: ServerIdentity, owner: ClusterPortOwner): Promise<ClusterPort> {
    const cluster = options.cluster as ClusterOptions
    return new ClusterPort(await Listener.open(cluster.host, cluster.port), options, cluster, server, owner)
  }

  private constructor(
    listener: Listener,
    options: Options,
    cluster: ClusterOptions,
    server: ServerIdentity,
    owner: ClusterPortOwner,
  ) {
    const { log, shards } = owner
    this.log = log
    this.listener = listener
    this.options = cluster
    const { host } = cluster
    const { port } = listener
    this.identity = this.identityOf(options, server, randomBytes(NAME_BYTES).toString('hex'))
    log.info(`Cluster name is ${this.identity.name}`)
    if (this.identity.isDynamic) log.warn('Cluster name was dynamically generated, consider setting one')
    log.info(`Listening for route connections on ${hostPort(host, port)}`)
    if (cluster.tls?.insecure === true) log.warn(INSECURE)
    if (cluster.credentials === undefined && cluster.tls === undefined) {
      log.debug('The cluster has neither TLS nor authorization: whoever reaches its port has all accounts')
    }
    this.cluster = new Cluster(
      {
        log,
        serverId: server.serverId,
        serverName: server.serverName,
        cluster,
        systemAccount: owner.systemAccount,
        give: (handle, order) => shards.takeLink(handle, 'route', order),
        tell: (shard, link, what) => shards.tellLink(shard, link, what),
        ended: (shard) => shards.linkEnded(shard),
        changed: (identity, others) => {
          this.identity = identity
          this.others = others
          owner.changed()
        },
      },
      this.identity,
    )
    shards.onRoute = (event) => this.cluster.heard(event)
    shards.whenShardDies((shard) => this.cluster.shardDied(shard))
  }

  /** `name`: if none is configured. */
  private identityOf(options: Options, server: ServerIdentity, name: string): ClusterIdentity {
    const { options: cluster } = this
    const { port } = this.listener
    const announced = cluster.advertise === '' ? undefined : parseHostPort(cluster.advertise, port)
    return {
      name: cluster.name || name,
      isDynamic: cluster.name === '',
      host: announced?.host ?? cluster.host,
      port: announced?.port ?? port,
      ip: announced === undefined ? '' : `nats-route://${hostPort(announced.host, announced.port)}/`,
      ownUrls: cluster.noAdvertise ? [] : clientUrls(options, server),
    }
  }

  /** Goes on by other options, which shards have already. */
  reload(options: Options, server: ServerIdentity): void {
    const { cluster } = options
    if (cluster === undefined || isDeepStrictEqual(cluster, this.options)) return
    const { name } = this.identity
    this.options = cluster
    this.identity = this.identityOf(options, server, name)
    if (this.identity.name !== name) this.log.info(`Cluster name updated to ${this.identity.name}`)
    if (cluster.tls?.insecure === true) this.log.warn(INSECURE)
    this.cluster.reload(cluster, this.identity)
  }

  /** Connections are taken, and others dialled, from now on. */
  serve(log: Log): void {
    this.listener.serve(
      (handle) => this.cluster.accept(handle),
      (error) => log.error(`Error accepting route connections: ${error.message}`),
    )
    this.cluster.start()
  }

  /** What INFO says of a server with this port. */
  introduce(server: ServerIdentity): ServerIdentity {
    const { noAdvertise } = this.options
    const urls = [...new Set([...this.identity.ownUrls, ...this.others])]
    return { ...server, cluster: this.identity, connectUrls: noAdvertise ? undefined : urls }
  }

  get port(): number {
    return this.listener.port
  }

  /** What the ports file says of it: where it listens, whatever it announces. */
  get urls(): string[] {
    return listenerUrls('nats', this.listener.address, this.listener.port)
  }

  /** Those that are up. */
  get routes(): readonly RouteFacts[] {
    return this.cluster.registered.map(({ link, shard, wanted, slot, remote }) => ({
      link,
      shard,
      remoteId: remote.id,
      remoteName: remote.hello.serverName,
      account: slot.startsWith('@') ? slot.slice(1) : '',
      isDialled: wanted !== undefined,
      isConfigured: wanted?.isConfigured === true,
    }))
  }

  offerWaiting(): void {
    this.listener.offerWaiting()
  }

  /** Other servers send no clients here any more. */
  lameDuck(server: ServerIdentity): void {
    this.cluster.tellAll(infoLine({ identity: server, options: this.options }))
  }

  close(): void {
    this.cluster.close()
    this.listener.close()
  }
}

/** Where clients reach this server. */
function clientUrls({ clientAdvertise }: Options, { host, port }: ServerIdentity): string[] {
  return clientAdvertise === '' ? reachedFromOutside(host, port) : [hostPort(host, port)]
}
