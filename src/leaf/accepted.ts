// The handshake of a leaf link that the other server has dialled: it is sent INFO, logs in by CONNECT, and is answered.

import { AuthFaults, type Identity, isRefusal } from '../auth/identity.ts'
import { createNonce } from '../auth/nkey.ts'
import type { AuthRequest } from '../auth/request.ts'
import { hostPort } from '../base/addresses.ts'
import { TIMER_MAX_MS } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { CloseReason, type Fault, Faults, quote } from '../base/errors.ts'
import { byteString } from '../subjects/byte-string.ts'
import { closed, type Greeting, type GreetingLink, whyNotCluster } from './greeting.ts'
import { infoLine, type LeafConnect, readConnect, readInfo } from './hello.ts'
import { type LeafRules, withDenies } from './leaf-rights.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'
import { isOlder } from './version.ts'

export class Accepted implements Greeting {
  identity: Identity | undefined
  private readonly owner: LeafOwner
  private readonly desk: LeafDesk
  private readonly link: GreetingLink
  private readonly nonce = createNonce()
  /** For CONNECT. */
  private readonly deadline = new Deadline()
  /** When the user of the other server ends. */
  private readonly expiry = new Deadline()
  connected: LeafConnect | undefined
  private isConnecting = false
  private hasNegotiated = false

  constructor(owner: LeafOwner, desk: LeafDesk, link: GreetingLink) {
    this.owner = owner
    this.desk = desk
    this.link = link
  }

  /** The other server has so long to log in. */
  greet(): void {
    this.link.sendText(this.introduction())
    this.deadline.start(this.desk.options.authTimeout, () => this.link.closeByTimer(AuthFaults.timeout))
  }

  stop(): void {
    this.deadline.stop()
    this.expiry.stop()
  }

  private introduction(answer?: Parameters<typeof infoLine>[0]['answer']): string {
    const { desk, link, nonce } = this
    const { options, identity } = desk
    return infoLine({
      identity,
      host: options.host,
      port: options.port,
      clientId: link.id,
      nonce,
      ip: hostPort(link.ip, link.port),
      cluster: this.owner.options.cluster === undefined ? '' : desk.cluster,
      domain: desk.domain,
      urls: options.noAdvertise ? [] : desk.urls,
      tls: { required: options.tls !== undefined, verify: options.tls?.verify === true },
      compression: link.compression.mode,
      maxPayload: this.owner.options.maxPayload,
      ...(answer === undefined ? {} : { answer }),
    })
  }

  /** Before CONNECT it chooses compression, once; afterwards what it says of itself changes nothing. */
  processInfo(json: string): void {
    const info = readInfo(json)
    if (info === undefined) {
      this.link.close(Faults.badArguments)
      return
    }
    if (this.isConnecting) return
    this.link.endInfo()
    if (this.hasNegotiated) return
    this.hasNegotiated = true
    this.link.negotiate(
      info.compression,
      () => undefined,
      (isCompressed) => {
        if (isCompressed) this.link.sendText(this.introduction())
      },
    )
  }

  processConnect(json: string): void {
    const { link } = this
    const connect = this.isConnecting ? undefined : readConnect(json)
    if (connect === undefined) {
      link.close(Faults.badArguments)
      return
    }
    const refusal = this.whyNot(connect)
    if (refusal !== undefined) {
      link.refuse(refusal)
      return
    }
    this.isConnecting = true
    this.connected = connect
    const goOn = link.suspend()
    link.attempt(async () => {
      const answer = await this.desk.identify(this.request(connect), () => link.closing)
      this.owner.wake()
      if (link.closing) return
      if (isRefusal(answer)) {
        this.owner.log.debug(answer.cause, link)
        link.refuse(answer.fault)
      } else await this.admit(connect, answer)
      goOn()
    })
  }

  private whyNot({ lang, gateway, cluster }: LeafConnect): Fault | undefined {
    if (lang !== '') return closed('attempted to connect to leaf node port', CloseReason.wrongPort)
    if (gateway !== '') {
      return closed(
        `Rejecting connection from gateway ${quote(byteString(gateway))} on the leafnode port`,
        CloseReason.wrongPort,
      )
    }
    return whyNotCluster(cluster, this.desk.cluster)
  }

  private request(connect: LeafConnect): AuthRequest {
    const { user, password, token, jwt, nkey, signature, name, version, protocol } = connect
    const { link } = this
    return {
      credentials: { user, password, token, jwt, nkey, signature, proxySignature: '' },
      client: { name, lang: '', version, protocol },
      nonce: this.nonce,
      ip: link.ip,
      connectionId: link.id,
      connectionType: link.isWebSocket ? 'LEAFNODE_WS' : 'LEAFNODE',
      ...this.desk.tlsOf(link.tls),
      nowMs: this.owner.clock.dateMs,
    }
  }

  private async admit(connect: LeafConnect, identity: Identity): Promise<void> {
    const { desk, link } = this
    this.identity = identity
    link.account = desk.accountNamed(identity.account)
    link.isSpoke = connect.isHub
    link.isIsolated ||= connect.isolate
    link.remoteAccount = connect.remoteAccount
    const { name, domain, headers } = connect
    link.meet({ name, cluster: byteString(connect.cluster), domain, headers })
    const { publish, subscribe } = identity.permissions ?? {}
    this.obeyUser(connect, identity)
    const { minVersion } = desk.options
    if (minVersion !== '' && isOlder(connect.version, minVersion)) {
      this.answer(publish, subscribe)
      const text = `connection rejected since minimum version required is ${quote(minVersion)}`
      link.refuse(closed(text, CloseReason.badProtocolVersion))
      return
    }
    if (await link.bind()) {
      this.answer(publish, subscribe)
      this.deadline.stop()
      link.begin()
    }
  }

  private obeyUser({ denyPublish }: LeafConnect, { permissions, expiresAtMs }: Identity): void {
    const { publish, subscribe, responses } = permissions ?? {}
    const allowed = subscribe?.allow?.length === 0 ? { ...subscribe, allow: undefined } : subscribe
    this.link.obey({ incoming: publish, outgoing: withDenies(allowed, denyPublish), ...(responses && { responses }) })
    this.expiry.stop()
    if (expiresAtMs === undefined) return
    const leftMs = Math.min(Math.max(1, expiresAtMs - this.owner.clock.dateMs), TIMER_MAX_MS)
    this.expiry.start(leftMs, () => this.link.closeByTimer(AuthFaults.expired))
  }

  private answer(exports: LeafRules['incoming'], imports: LeafRules['outgoing']): void {
    const account = Buffer.from(this.link.account.name, 'latin1').toString()
    this.link.sendText(this.introduction({ account, ...(exports && { exports }), ...(imports && { imports }) }))
  }

  /** The link stays if the other server may log in again, into the same account. */
  async review(): Promise<void> {
    const { connected, identity, link } = this
    if (connected === undefined || identity === undefined || link.closing) return
    const answer = await this.desk.identify(this.request(connected), () => link.closing)
    this.owner.wake()
    if (link.closing) return
    if (isRefusal(answer)) link.refuse(answer.fault)
    else if (answer.account !== identity.account) link.close(AuthFaults.forgotten)
    else {
      this.identity = answer
      this.obeyUser(connected, answer)
    }
  }
}
