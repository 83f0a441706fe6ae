// The entry of connections behind a load balancer (`proxy_protocol`): the header that names the client is read before
// everything else. INFO does not wait for it, because some clients have no proxy in front and wait for INFO; so the
// first INFO does not name the client's address.

import type { Socket } from 'node:net'
import { PROXY_HEADER_TIMEOUT_MS } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { Faults } from '../base/errors.ts'
import type { Client } from '../connection/client.ts'
import { firstInfo } from '../connection/client-info.ts'
import type { ClientOwner } from '../connection/owner.ts'
import { ProxyHeaderReader } from '../net/proxy-header.ts'
import type { EntryOwner } from './owner.ts'
import { startPlain } from './plain-entry.ts'

/** What it needs of the shard: the header's end begins TLS. */
export interface ProxyEntryOwner extends EntryOwner {
  readonly tls: ClientOwner['tls'] & {
    readonly isOn: boolean
    readonly greetingMs: number | undefined
    secure(client: Client, socket: Socket, greeted: boolean): void
  }
}

/** Takes over a connection that has not been read; the header's end begins TLS, or the protocol. */
export function readProxyHeader(shard: ProxyEntryOwner, client: Client, socket: Socket): void {
  new ProxyEntry(shard, client, socket).begin()
}

class ProxyEntry {
  private readonly shard: ProxyEntryOwner
  private readonly client: Client
  private readonly socket: Socket
  private readonly header = new ProxyHeaderReader()
  private readonly deadline = new Deadline()
  /** INFO comes before TLS, in so many milliseconds unless the peer begins; undefined: after TLS. */
  private readonly greetingMs: number | undefined
  private readonly fallback = new Deadline()
  private greeted = false

  constructor(shard: ProxyEntryOwner, client: Client, socket: Socket) {
    this.shard = shard
    this.client = client
    this.socket = socket
    this.greetingMs = shard.tls.greetingMs
  }

  begin(): void {
    const { socket } = this
    socket.on('readable', this.socketOnReadable)
    socket.on('end', this.socketOnEnd)
    socket.on('error', this.socketOnEnd)
    socket.on('close', this.socketOnEnd)
    this.deadline.start(PROXY_HEADER_TIMEOUT_MS, () =>
      this.attempt(() => this.fail(this.header.whyEnded('i/o timeout'))),
    )
    if (this.greetingMs === 0) this.greet()
    else if (this.greetingMs !== undefined) this.fallback.start(this.greetingMs, () => this.attempt(() => this.greet()))
  }

  private greet(): void {
    this.shard.wake()
    this.greeted = true
    const { outbound } = this.client
    outbound.appendBuffer(firstInfo(this.client, this.shard, false))
    outbound.flush()
  }

  /** A bug costs this connection alone. */
  private attempt(act: () => void): void {
    this.client.attempt(act)
  }

  private readonly socketOnReadable = (): void => this.attempt(() => this.read())

  private readonly socketOnEnd = (): void => this.attempt(() => this.fail(this.header.whyEnded('EOF')))

  private read(): void {
    const bytes: Buffer | null = this.socket.read()
    if (bytes === null) return
    this.fallback.stop()
    const read = this.header.push(bytes)
    if (read === undefined) return
    if ('wrong' in read) {
      this.fail(read.wrong)
      return
    }
    this.finish()
    const { shard, client, socket } = this
    if (read.source !== undefined) {
      const { ip, port } = read.source
      client.ip = ip
      client.port = port
      client.log.moved(ip, port)
    }
    if (!shard.tls.isOn) {
      startPlain(shard, client, socket, read.rest)
      return
    }
    if (read.rest.length > 0) socket.unshift(read.rest)
    shard.tls.secure(client, socket, this.greeted)
  }

  private fail(why: string): void {
    const { shard, client, socket } = this
    this.finish()
    shard.wake()
    if (!client.closing) shard.log.warn(`Error reading PROXY protocol header from ${client.peer}: ${why}`)
    client.start(socket, Faults.proxyHeader)
  }

  private finish(): void {
    const { socket } = this
    this.deadline.stop()
    this.fallback.stop()
    socket.off('readable', this.socketOnReadable)
    socket.off('end', this.socketOnEnd)
    socket.off('error', this.socketOnEnd)
    socket.off('close', this.socketOnEnd)
  }
}
