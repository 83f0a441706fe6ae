// The entry of TLS connections: src/tls/ negotiates, this connects the result to clients.

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { PeerCertificate, TlsDetails } from '../auth/request.ts'
import { userNames } from '../auth/setup.ts'
import type { Client } from '../connection/client.ts'
import type { ClientOwner } from '../connection/owner.ts'
import type { Hello } from '../protocol/handshake.ts'
import { PeerDirectory, peerNames } from '../tls/names.ts'
import { HandshakeLimit } from '../tls/rate-limit.ts'
import { readInto } from '../tls/read-into.ts'
import type { TlsSettings } from '../tls/tls-settings.ts'
import { type TlsSession, TlsUpgrader, type UpgradeHandler } from '../tls/upgrade.ts'
import { startPlain } from './plain-entry.ts'
import { type ProxyEntryOwner, readProxyHeader } from './proxy-entry.ts'

export class TlsEntry {
  private readonly shard: ProxyEntryOwner
  /** Counts handshakes, over all shards. */
  private readonly handshakeLimit: SharedArrayBuffer
  /** Undefined: the server has no TLS. */
  private upgrader: TlsUpgrader | undefined
  /** Users by the names that certificates may have; made when the first one comes. */
  private peerDirectory: PeerDirectory | undefined

  constructor(shard: ProxyEntryOwner, handshakeLimit: SharedArrayBuffer) {
    this.shard = shard
    this.handshakeLimit = handshakeLimit
  }

  /** Connections that come from now on speak TLS by these settings. */
  configure(settings: TlsSettings | undefined): void {
    this.peerDirectory = undefined
    if (settings === undefined) {
      this.upgrader = undefined
      return
    }
    const rate = this.shard.options.tls?.connectionRateLimit ?? 0
    const limit = rate > 0 ? new HandshakeLimit(this.handshakeLimit, rate) : undefined
    if (this.upgrader === undefined) this.upgrader = new TlsUpgrader(settings, limit, this.shard.questions.checkPeer)
    else this.upgrader.reload(settings, limit)
  }

  /** Whether there is TLS. */
  get isOn(): boolean {
    return this.upgrader !== undefined
  }

  /** Whether connections are to come by enter(). */
  get comesFirst(): boolean {
    return this.isOn || this.shard.options.proxyProtocol
  }

  /** Takes over a connection before it is read: what a proxy says of it comes first, then TLS. */
  enter(client: Client, arrived: Socket): void {
    if (this.shard.options.proxyProtocol) readProxyHeader(this.shard, client, arrived)
    else this.secure(client, arrived)
  }

  /** After how many milliseconds INFO comes in plain, unless the peer begins; undefined: only after TLS. */
  get greetingMs(): number | undefined {
    return this.upgrader === undefined ? 0 : this.upgrader.greetingMs
  }

  /** Lets TLS come over a connection, or stay away where it may, before it is read. `greeted`: it has had INFO. */
  secure(client: Client, arrived: Socket, greeted = false): void {
    const { upgrader, shard } = this
    assert(upgrader !== undefined, 'TLS is off')
    const handler: UpgradeHandler = {
      greet: () => {
        client.greet()
        client.outbound.flush()
      },
      secured: (socket, session) =>
        client.attempt(() => {
          shard.wake()
          client.tls = session
          readInto(socket, shard.readBuffer, (bytes) => client.socketOnRead(bytes))
          client.start(socket, undefined)
          if (session.first) client.greet()
        }),
      plain: (bytes) => startPlain(shard, client, arrived, bytes),
      failed: ({ text, reason, cause, everyday }) =>
        client.attempt(() => {
          shard.wake()
          const line = `TLS handshake error: ${cause}`
          if (cause !== undefined && everyday) client.log.debug(line)
          else if (cause !== undefined) client.log.complaint(line)
          client.start(arrived, { text, reason })
        }),
    }
    upgrader.begin(arrived, handler, greeted)
  }

  /** The users that a connection's certificate may name: those of `users`, or else of the server. */
  certificateOf(session: TlsSession | undefined, users?: PeerDirectory): PeerCertificate | undefined {
    if (session?.peerCertificate === undefined) return undefined
    const names = peerNames(session.peerCertificate)
    this.peerDirectory ??= new PeerDirectory(userNames(this.shard.options))
    const directory = users ?? this.peerDirectory
    return {
      findUser: (mayBe) => directory.find(names, mayBe),
      names: names.flatMap((name) => (name.kind === 'text' ? [name.text] : [])),
    }
  }

  /** The TLS part of a callout's request. The chain is described only on demand. */
  detailsOf(session: TlsSession | undefined): TlsDetails | undefined {
    if (session === undefined) return undefined
    const { version, cipher } = session
    return {
      version,
      cipher,
      // A certificate that is asked for is verified.
      certificates: [],
      get verifiedChains() {
        const chain = session.peerChain().map(pemOf)
        return chain.length === 0 ? [] : [chain]
      },
    }
  }

  /**
   * The TLS members of INFO for a client. A WebSocket client gets those of its own port; only the request for
   * certificates is that of the client port, as on nats-server.
   */
  hello({ isLocal, tls: session, webSocket }: Parameters<ClientOwner['tls']['hello']>[0]): Hello['tls'] {
    if (isLocal) return undefined
    const { tls, allowNonTls } = this.shard.options
    const verify = tls !== undefined && (tls.verify || tls.verifyAndMap)
    if (webSocket !== undefined) {
      const isSecure = session !== undefined
      return { required: isSecure, verify, available: isSecure }
    }
    if (tls === undefined) return undefined
    return { required: !allowNonTls || session?.first === true, verify, available: allowNonTls }
  }
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
