// The TLS of a port on which a client has to begin it before anything is said, as on those for WebSockets and HTTP.

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { hostPort } from '../base/addresses.ts'
import { bugText } from '../base/errors.ts'
import { attempt } from '../base/guarded.ts'
import type { CheckPeer } from './ocsp/peers.ts'
import type { TlsSettings } from './tls-settings.ts'
import { type TlsFailure, type TlsSession, TlsUpgrader } from './upgrade.ts'

export interface SecureHandler {
  /** From here on this is the connection. */
  secured(socket: TLSSocket, session: TlsSession): void
  /** It has been destroyed. */
  failed(): void
}

interface PortLog {
  debug(text: string): void
  complaint(text: string, source: undefined, from: string): void
}

export class SecurePort {
  /** What lines of the log call the port. */
  private readonly name: string
  private readonly log: PortLog
  private readonly checkPeer: CheckPeer
  /** Undefined: the port does without TLS. */
  private upgrader: TlsUpgrader | undefined
  /** How to cut those whose handshake is not done. */
  private readonly securing = new Map<Socket, () => void>()

  constructor(name: string, log: PortLog, checkPeer: CheckPeer) {
    this.name = name
    this.log = log
    this.checkPeer = checkPeer
  }

  /** Connections that come from now on speak TLS by these settings; undefined: none. */
  configure(tls: TlsSettings | undefined): void {
    if (tls === undefined) this.upgrader = undefined
    else if (this.upgrader === undefined) this.upgrader = new TlsUpgrader(tls, undefined, this.checkPeer)
    else this.upgrader.reload(tls)
  }

  get isOn(): boolean {
    return this.upgrader !== undefined
  }

  /** Takes over a connection that has not been read. */
  begin(plain: Socket, handler: SecureHandler): void {
    const { upgrader } = this
    assert(upgrader !== undefined, 'TLS is off')
    const failed = (failure: Pick<TlsFailure, 'cause' | 'everyday'>): void => {
      this.tell(plain, failure)
      this.securing.delete(plain)
      plain.on('error', () => undefined)
      plain.destroy()
      handler.failed()
    }
    this.securing.set(plain, () => {
      upgrader.cancel(plain)
      handler.failed()
    })
    upgrader.begin(plain, {
      greet: () => undefined,
      secured: (socket, session) =>
        attempt(
          (error) => failed({ cause: bugText(error), everyday: false }),
          () => {
            this.securing.delete(plain)
            handler.secured(socket, session)
          },
        ),
      plain: () => assert.fail('the settings do not allow it'),
      failed,
    })
  }

  /** Cuts connections with unfinished handshakes. */
  stop(): void {
    for (const cut of this.securing.values()) cut()
    this.securing.clear()
  }

  private tell(
    { remoteAddress = '', remotePort = 0 }: Socket,
    { cause, everyday }: Pick<TlsFailure, 'cause' | 'everyday'>,
  ) {
    if (cause === undefined) return
    const text = `${hostPort(remoteAddress, remotePort)} - ${this.name} TLS handshake error: ${cause}`
    if (everyday) this.log.debug(text)
    else this.log.complaint(text, undefined, remoteAddress)
  }
}
