// Incidents of this shard's connections for the operator: each connection that ended for another reason than its
// client's leaving. Only the latest are kept.

import { CloseReason } from '../base/errors.ts'
import type { ReportedClient } from './client.ts'

const KEPT_MAX = 200

/** Plain data. */
export interface Incident {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly reason: string
  readonly connection: number
  readonly name: string
  /** Address and port. */
  readonly peer: string
  readonly account: string
}

const ORDINARY: ReadonlySet<CloseReason> = new Set([CloseReason.clientClosed, CloseReason.serverShutdown])

export class Incidents {
  private readonly list: Incident[] = []

  /** A connection began to close. */
  closed(client: ReportedClient, reason: CloseReason, at: number): void {
    if (ORDINARY.has(reason)) return
    const { id, peer, options, account } = client
    this.list.push({ at, reason, connection: id, name: options.name, peer, account: account.name })
    if (this.list.length > KEPT_MAX) this.list.shift()
  }

  /** Those after an instant, oldest first. */
  since(at: number): Incident[] {
    return this.list.filter((incident) => incident.at > at)
  }
}
