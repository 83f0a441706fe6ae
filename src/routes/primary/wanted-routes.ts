// Servers that this one dials: those that are configured, for ever, and those that others told of, as long as they
// answer. One connection to each is made at a time; its route is registered before the next one is dialled.

import { isIP } from 'node:net'
import type { OnBug } from '../../base/guarded.ts'
import type { Handle } from '../../base/node-private.ts'
import { dial } from '../../net/dial.ts'
import type { RouteOrder } from '../contract.ts'

const DIAL_MS = 1000
const RETRY_MS = 1000
const RETRY_MAX_MS = 30_000
const SPREAD_MS = 100

export class WantedRoute {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  /** As configured; undefined: another server has told of it. */
  readonly url: string | undefined
  /** Which server answered there, latest. */
  remoteId = ''
  /** It is this server itself. */
  isSelf = false
  /** A connection to it is being made, or its route is not registered yet. */
  isUnderway = false
  /** Failed attempts since the last one that succeeded. */
  attempts = 0
  /** Not dialled before this moment, in milliseconds of performance.now(). */
  notBeforeMs = 0

  constructor(host: string, port: number, credentials: readonly [string, string], url: string | undefined) {
    this.host = host
    this.port = port
    ;[this.username, this.password] = credentials
    this.url = url
  }

  get isConfigured(): boolean {
    return this.url !== undefined
  }

  isAt({ host, port }: { readonly host: string; readonly port: number }): boolean {
    return host === this.host && port === this.port
  }

  /** `name`: what servers are called whose addresses are all that is known of them; empty: nothing. */
  order(account: string, name: string): RouteOrder {
    const { host, username, password, isConfigured } = this
    const hosts: readonly [string, ...string[]] = name === '' || isIP(host) === 0 ? [host] : [name, host]
    return { dialled: { username, password, account, isConfigured, hosts } }
  }

  /** A route is lost: the next one is dialled soon. */
  lost(): void {
    this.notBeforeMs = performance.now() + SPREAD_MS * (1 + Math.random())
  }

  /** The next attempt comes in a second or so, later and later with `backsOff`. */
  wait(backsOff: boolean): void {
    const ms = backsOff ? Math.min(RETRY_MS * 2 ** Math.max(0, this.attempts - 1), RETRY_MAX_MS) : RETRY_MS
    this.notBeforeMs = performance.now() + ms + Math.random() * SPREAD_MS
  }

  /** Connects; resolves with the connection, or with why there is none. */
  dial(bugMet: OnBug): Promise<Handle | string> {
    return dial(this.host, this.port, DIAL_MS, bugMet)
  }
}
