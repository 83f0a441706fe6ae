// How many connections accounts have at other servers of the cluster, by what these tell: an account's limit is that of
// the cluster (docs/reference/accounts.md, "Limits of accounts").
//
// A server tells a change at once, and every half minute what there is. One that ends says so; one that has been silent
// for three of these spans is taken for gone.

import { ACCOUNT_CONNECTIONS_INTERVAL_MS, ACCOUNT_ROWS_MAX } from '../../base/constants.ts'
import type { SystemRequest } from '../contract.ts'

const SILENCE_MS = 3 * ACCOUNT_CONNECTIONS_INTERVAL_MS
/** Accounts at servers, together: the other rows of the table are for those that have connections here. */
const TOLD_MAX = ACCOUNT_ROWS_MAX / 2

/** What one server has told of an account. */
interface Told {
  readonly count: number
  readonly atMs: number
}

export class Elsewhere {
  /** By account (a byte string), and by the id of the server. */
  private readonly accounts = new Map<string, Map<string, Told>>()
  private readonly changed: (account: string, count: number) => void
  private size = 0

  /** `changed`: an account (a byte string) has so many connections at other servers now. */
  constructor(changed: (account: string, count: number) => void) {
    this.changed = changed
  }

  /** Takes what another server has told of itself; its own messages do not come this way. */
  heard({ service, body }: Pick<SystemRequest, 'service' | 'body'>, nowMs: number): void {
    const news = readNews(body)
    if (news === undefined) return
    if (service.name === 'NEWS.SHUTDOWN') this.ended(news.server)
    else this.told(service.account, news.server, news.count, nowMs)
  }

  /** Of more than there is room for nothing is kept. */
  private told(account: string, server: string, count: number, atMs: number): void {
    const servers = this.accounts.get(account) ?? new Map<string, Told>()
    const isKnown = servers.has(server)
    if (count === 0 ? !isKnown : !isKnown && this.size >= TOLD_MAX) return
    if (count === 0) servers.delete(server)
    else servers.set(server, { count, atMs })
    this.size += (count > 0 ? 1 : 0) - (isKnown ? 1 : 0)
    if (servers.size === 0) this.accounts.delete(account)
    else this.accounts.set(account, servers)
    let sum = 0
    for (const { count: each } of servers.values()) sum += each
    this.changed(account, sum)
  }

  private ended(server: string): void {
    for (const account of [...this.accounts.keys()]) this.told(account, server, 0, 0)
  }

  /** Forgets servers that have been silent for too long. */
  sweep(nowMs: number): void {
    for (const [account, servers] of [...this.accounts]) {
      for (const [server, { atMs }] of [...servers]) {
        if (nowMs - atMs > SILENCE_MS) this.told(account, server, 0, nowMs)
      }
    }
  }
}

/** Who tells, and how many connections; undefined: it is no such event. */
function readNews(body: Uint8Array): { readonly server: string; readonly count: number } | undefined {
  let news: { readonly id?: unknown; readonly server?: { readonly id?: unknown } | null; readonly conns?: unknown }
  try {
    news = JSON.parse(Buffer.from(body).toString()) ?? {}
  } catch {
    return undefined
  }
  const server = news.server?.id ?? news.id
  const count = news.conns ?? 0
  if (typeof server !== 'string' || !Number.isSafeInteger(count) || (count as number) < 0) return undefined
  return { server, count: Math.min(count as number, 2 ** 30) }
}
