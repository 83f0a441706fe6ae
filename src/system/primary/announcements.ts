// The server's own events in the system account (docs/reference/system-account.md, "Events of the server"): its numbers
// every ten seconds, the connections of accounts when they change and every half minute, and its end. Nothing is
// counted, and no JSON written, unless the shared index has a subscriber.

import { createHash, type X509Certificate } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import {
  ACCOUNT_CONNECTIONS_GAP_MS,
  ACCOUNT_CONNECTIONS_INTERVAL_MS,
  STATSZ_FIRST_MS,
  STATSZ_INTERVAL_MS,
} from '../../base/constants.ts'
import { eventHead } from '../../base/event-head.ts'
import { attempt, guarded } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { type AccountKey, accountKey, InterestReader } from '../../interest/reader.ts'
import { spacesOf } from '../../interest/spaces.ts'
import type { AccountTotals } from '../../monitor/sources/server-accounts.ts'
import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import { subjectOfCertificate } from '../../tls/names.ts'
import type { RefusedPeer } from '../../tls/ocsp/peers.ts'
import { connectionSubjects } from '../connection-subjects.ts'
import { encodeJson, serverInfo } from '../server-info.ts'
import type { AnnouncementsOwner } from './owner.ts'

export class Announcements {
  private readonly system: AnnouncementsOwner
  /** The system account here, and what other servers want of it. */
  private readonly spaces: readonly AccountKey[]
  /** Accounts with other connections than were told last. */
  private changed = new Set<string>()
  private isTelling = false
  /** It has been told that the server ends: who counts its connections has forgotten them. */
  private isOver = false
  private statsTimer: NodeJS.Timeout
  private readonly connectionsTimer: NodeJS.Timeout
  private readonly bugMet = (error: unknown): void => this.system.server.log.bug(error)

  constructor(system: AnnouncementsOwner, account: string) {
    this.system = system
    this.spaces = spacesOf(account).map((name) => accountKey(name))
    this.statsTimer = this.planStats(STATSZ_FIRST_MS)
    this.connectionsTimer = setInterval(
      guarded(this.bugMet, () => this.tellAll()),
      ACCOUNT_CONNECTIONS_INTERVAL_MS,
    )
    this.connectionsTimer.unref()
  }

  close(): void {
    clearTimeout(this.statsTimer)
    clearInterval(this.connectionsTimer)
  }

  /** Often at first, so that a server that has just started is seen soon. */
  private planStats(delayMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.statsTimer = this.planStats(Math.min(2 * delayMs, STATSZ_INTERVAL_MS))
      attempt(this.bugMet, () => this.stats())
    }, delayMs)
    return timer.unref()
  }

  /** The server's numbers. */
  async stats(): Promise<void> {
    const { system } = this
    const subject = `$SYS.SERVER.${system.server.identity.serverId}.STATSZ`
    if (!this.isHeard(subject)) return
    const { serverStats } = await import('./statsz.ts')
    const statsz = await serverStats(await system.context())
    system.server.tell([{ subject, payload: encodeJson(system.signed({ statsz })) }])
  }

  /** The server ends, at once or slowly. Returns whether there is a subscriber. */
  ending(how: 'SHUTDOWN' | 'LAMEDUCK'): boolean {
    const { server, sequence } = this.system
    this.isOver ||= how === 'SHUTDOWN'
    const subject = `$SYS.SERVER.${server.identity.serverId}.${how}`
    return this.announce(subject, () => serverInfo(server, sequence))
  }

  /** A certificate is not good, and a client is not let in for it. */
  peerRefused({ chain, link, why }: RefusedPeer): void {
    const subjects = `$SYS.SERVER.${this.system.server.identity.serverId}.OCSP.PEER`
    const peer = describeCertificate(chain, 0)
    const links = { link: describeCertificate(chain, link), peer }
    this.certificateEvent(`${subjects}.LINK.INVALID`, 'ocsp_peer_link_invalid', links, why)
    const client = { kind: 'Client', peer }
    this.certificateEvent(`${subjects}.CONN.REJECT`, 'ocsp_peer_reject', client, 'client not OCSP valid')
  }

  private certificateEvent(
    subject: string,
    type: string,
    told: { readonly [member: string]: Json },
    reason: string,
  ): void {
    this.announce(subject, () => ({
      ...eventHead(`advisory.v1.${type}`, Date.now()),
      ...told,
      ...this.system.signed({ reason }),
    }))
  }

  // ── Connections of accounts ───────────────────────────────────────────────────────────────────────────

  /**
   * Connections of these accounts have opened or closed, and there is a subscriber. Many changes become one message.
   */
  connectionsChanged(accounts: Iterable<string>): void {
    for (const account of accounts) this.changed.add(account)
    if (this.isTelling) return
    this.isTelling = true
    attempt(this.bugMet, () =>
      this.tellChanged().finally(() => {
        this.isTelling = false
      }),
    )
  }

  private async tellChanged(): Promise<void> {
    while (this.changed.size > 0) {
      const { changed } = this
      this.changed = new Set()
      const { accounts, reports } = await this.system.context()
      const totals = await accounts.read()
      // What a silent shard last told may be of before the change: the accounts are looked at again.
      if (reports.silent.length > 0) for (const name of changed) this.changed.add(name)
      else for (const name of changed) await this.tellConnections(totals.get(name))
      await pause(ACCOUNT_CONNECTIONS_GAP_MS, undefined, { ref: false })
    }
  }

  private async tellAll(): Promise<void> {
    if (!this.isAnybodyThere()) return
    const accounts = await (await this.system.context()).accounts.read()
    for (const totals of accounts.values()) if (totals.connections > 0) await this.tellConnections(totals)
  }

  /** nats-server does not report the account of clients without another one. */
  private async tellConnections(totals: AccountTotals | undefined): Promise<void> {
    if (totals === undefined || totals.name === GLOBAL_ACCOUNT) return
    const { connectionsEvent } = await import('./account-numbers.ts')
    const event = connectionsEvent(totals)
    if (this.isOver) return
    for (const subject of connectionSubjects(totals.name)) this.announce(subject, () => event(this.system))
  }

  // ── Listeners ─────────────────────────────────────────────────────────────────────────────────────────

  /** Publishes an event if there is a subscriber, and returns whether there is one. */
  private announce(subject: string, event: () => Json): boolean {
    const isHeard = this.isHeard(subject)
    if (isHeard) this.system.server.tell([{ subject, payload: encodeJson(event()) }])
    return isHeard
  }

  private isHeard(subject: string): boolean {
    const bytes = Buffer.from(subject, 'latin1')
    return this.system.server.shardStates.some(({ state, region }) => {
      if (state === 'down') return false
      const reader = new InterestReader(region)
      return this.spaces.some((space) => {
        const { plain, queues } = reader.read(space, bytes, 0, bytes.length)
        return plain || queues !== undefined
      })
    })
  }

  /** Whether the system account has any subscription. */
  private isAnybodyThere(): boolean {
    const { shardStates } = this.system.server
    return shardStates.some(({ state, region }) => {
      if (state === 'down') return false
      const reader = new InterestReader(region)
      return this.spaces.some((space) => reader.hasAccount(space))
    })
  }
}

/** As nats-server shows certificates, for display only: not for lookups. */
function describeCertificate(chain: readonly X509Certificate[], at: number): Json {
  const { raw } = chain[at]
  return {
    subject: subjectOfCertificate(raw),
    issuer: subjectOfCertificate(chain[at + 1].raw),
    fingerprint: createHash('sha256').update(raw).digest('base64'),
    raw: raw.toString('base64'),
  }
}
