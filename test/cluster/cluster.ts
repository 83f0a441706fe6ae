// Clusters of servers of both kinds, for tests and soaks: each server is a nats-server or a Heddle with so many shards.

import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerOptions } from '../../src/index.ts'
import { peers } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { ServerProgram, startPrimary } from '../support/server.ts'
import { until } from '../support/until.ts'

/** A nats-server, or a Heddle with so many shards. */
export type Kind = 'nats' | number

export interface Member {
  readonly kind: Kind
  readonly name: string
  readonly port: number
  readonly clusterPort: number
  /** Ends the thread of a shard; only of a Heddle with worker threads. */
  killShard(index: number): void
  /** All its shards serve, after so many have been replaced; of a Heddle alone. */
  replacements(): number | undefined
  /** Its routes, by number; of a Heddle alone. */
  routes(): readonly number[]
  /** How many other servers it has routes to. */
  remotes(): Promise<number>
  stop(): Promise<void>
}

export interface ClusterSettings {
  /** Accounts with a user each, of the same name, without passwords that matter. */
  readonly accounts?: readonly string[]
  readonly poolSize?: number
  readonly pinned?: readonly string[]
  /** Every server is configured with every other one; otherwise each with the first alone. */
  readonly isMeshed?: boolean
  readonly more?: ServerOptions
  /** nats-servers have streams. */
  readonly hasStreams?: boolean
}

/**
 * Starts a program without the descriptors of this process: Node passes on those of sockets that have changed threads,
 * and a connection that two processes hold does not end when one of them closes it.
 */
const WITHOUT_OURS = `
for path in /proc/self/fd/*; do
  fd=\${path##*/}
  if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
done
exec "$@"`

/** Ports that no system gives to those who ask for any: so nobody takes one while its server is away. */
const PORTS = { from: 10_000, to: 32_000 }

/** A port of 127.0.0.1 that was free just now, and stays so but for those who ask for it by its number. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    const server = createNetServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

export class TestCluster {
  readonly members: Member[] = []
  private readonly kinds: readonly Kind[]
  private readonly settings: ClusterSettings
  private readonly clusterPorts: number[] = []
  private readonly ports: number[] = []

  constructor(kinds: readonly Kind[], settings: ClusterSettings = {}) {
    this.kinds = kinds
    this.settings = settings
  }

  async start(): Promise<void> {
    for (const _ of this.kinds) {
      this.clusterPorts.push(await freePort())
      this.ports.push(await freePort())
    }
    await Promise.all(this.kinds.map((_, index) => this.startMember(index)))
    await this.whenMeshed()
  }

  /** Starts a server, or starts it again, on the ports that it had. */
  async startMember(index: number): Promise<Member> {
    const member = this.kinds[index] === 'nats' ? await this.startNats(index) : await this.startHeddle(index)
    this.members[index] = member
    return member
  }

  private routesOf(index: number): string[] {
    const others = this.clusterPorts.filter((_, other) => other !== index)
    const [first] = this.clusterPorts
    const wanted = this.settings.isMeshed === true ? others : index === 0 ? [] : [first]
    return wanted.map((port) => `nats://127.0.0.1:${port}`)
  }

  private async startNats(index: number): Promise<Member> {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-cluster-'))
    const { accounts = [], poolSize, pinned } = this.settings
    const lines = [
      `server_name: S${index}`,
      ...(accounts.length === 0
        ? []
        : [
            `accounts { ${accounts.map((name) => `${name} { users: [ { user: ${name}, password: x } ] }`).join('\n')} }`,
          ]),
      ...(this.settings.hasStreams === true ? [`jetstream { store_dir: ${JSON.stringify(folder)} }`] : []),
      'cluster {',
      'name: C',
      `listen: "127.0.0.1:${this.clusterPorts[index]}"`,
      `routes: [${this.routesOf(index)
        .map((url) => JSON.stringify(url))
        .join(', ')}]`,
      ...(poolSize === undefined ? [] : [`pool_size: ${poolSize}`]),
      ...(pinned === undefined ? [] : [`accounts: [${pinned.map((name) => JSON.stringify(name)).join(', ')}]`]),
      '}',
    ]
    const file = join(folder, 'x.conf')
    writeFileSync(file, lines.join('\n'))
    const monitor = await freePort()
    const flags = ['-a', '127.0.0.1', '-p', String(this.ports[index]), '-c', file, '-m', String(monitor)]
    const program = new ServerProgram('bash', ['-c', WITHOUT_OURS, 'nats-server', peers.natsServer ?? '', ...flags])
    await program.untilReady()
    return {
      kind: 'nats',
      name: `S${index}`,
      port: this.ports[index],
      clusterPort: this.clusterPorts[index],
      killShard: () => undefined,
      replacements: () => undefined,
      routes: () => [],
      remotes: async () => {
        const page = await fetch(`http://127.0.0.1:${monitor}/routez`)
        const { routes } = (await page.json()) as { routes: { remote_id: string }[] }
        return new Set(routes.map((route) => route.remote_id)).size
      },
      stop: async () => {
        await program.stop()
        rmSync(folder, { recursive: true })
      },
    }
  }

  private async startHeddle(index: number): Promise<Member> {
    const { accounts = [], poolSize, pinned, more = {} } = this.settings
    const users = (name: string) => ({ users: [{ user: name, password: 'x' }] })
    const primary = await startPrimary({
      name: `S${index}`,
      port: this.ports[index],
      workers: this.kinds[index] as number,
      ...(accounts.length === 0 ? {} : { accounts: Object.fromEntries(accounts.map((name) => [name, users(name)])) }),
      cluster: {
        name: 'C',
        host: '127.0.0.1',
        port: this.clusterPorts[index],
        routes: this.routesOf(index),
        ...(poolSize === undefined ? {} : { poolSize }),
        ...(pinned === undefined ? {} : { accounts: pinned }),
      },
      ...more,
    })
    return {
      kind: this.kinds[index],
      name: `S${index}`,
      port: primary.port,
      clusterPort: this.clusterPorts[index],
      killShard: (shard) => primary.killShard(shard),
      replacements: () =>
        primary.shardStates.every(({ state }) => state === 'serving') ? primary.restarts : undefined,
      routes: () => primary.routes.map(({ link }) => link),
      remotes: async () => new Set(primary.routes.map(({ remoteId }) => remoteId)).size,
      stop: () => primary.close(),
    }
  }

  /** Every server that runs has routes to all others. */
  async whenMeshed(count = this.members.length): Promise<void> {
    await until('routes between all servers', async () => {
      const known = await Promise.all(this.members.map((member) => member.remotes()))
      return known.every((others) => others >= count - 1)
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()))
  }
}

/** A client at a server of a cluster, in an account. */
export function connectTo({ port }: Member, account = ''): Promise<RawClient> {
  return RawClient.open(port, {
    headers: true,
    no_responders: true,
    ...(account === '' ? {} : { user: account, pass: 'x' }),
  })
}
