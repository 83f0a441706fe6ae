// Servers that this one dials: those that are configured, for ever, and those that others told of, as long as they
// answer. One connection to each is made at a time; its route is registered before the next one is dialled.

import { connect, isIP } from 'node:net'
import { guarded, type OnBug } from '../../base/guarded.ts'
import { type Handle, takeHandle } from '../../base/node-private.ts'
import { Characters, DIGITS } from '../../text/scan.ts'
import { splitUrl } from '../../text/url.ts'
import type { RouteOrder } from '../contract.ts'

const DIAL_MS = 1000
const RETRY_MS = 1000
const RETRY_MAX_MS = 30_000
const SPREAD_MS = 100
const PORT_DIGITS = 5
const PORT_MAX = 65_535
/** What names of hosts are made of. */
const HOST = new Characters('.-_', '09', 'az', 'AZ')

export class WantedRoute {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly isConfigured: boolean
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

  constructor(host: string, port: number, credentials: readonly [string, string], isConfigured: boolean) {
    this.host = host
    this.port = port
    ;[this.username, this.password] = credentials
    this.isConfigured = isConfigured
  }

  order(account: string): RouteOrder {
    const { username, password } = this
    return { dialled: { username, password, account } }
  }

  /** The next attempt comes in a second or so, later and later with `backsOff`. */
  wait(backsOff: boolean): void {
    const ms = backsOff ? Math.min(RETRY_MS * 2 ** Math.max(0, this.attempts - 1), RETRY_MAX_MS) : RETRY_MS
    this.notBeforeMs = performance.now() + ms + Math.random() * SPREAD_MS
  }

  /** Connects; resolves with the connection, or with why there is none. */
  dial(bugMet: OnBug): Promise<Handle | string> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.host, port: this.port, noDelay: true })
      const failed = (text: string): void => {
        socket.destroy()
        resolve(text)
      }
      const timer = setTimeout(() => failed('i/o timeout'), DIAL_MS)
      socket.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        failed(error.code ?? error.message)
      })
      socket.on(
        'connect',
        guarded(bugMet, () => {
          clearTimeout(timer)
          socket.pause()
          const handle = takeHandle(socket)
          resolve(handle ?? 'the connection is gone')
        }),
      )
    })
  }
}

/** What a route's URL says. */
export interface RouteAddress {
  readonly host: string
  readonly port: number
  readonly credentials: readonly [user: string, password: string]
}

/** Reads the URL of a route, or `host:port`; undefined: it names no host or no port. It may be a peer's. */
export function readRouteUrl(text: string): RouteAddress | undefined {
  const authority = splitUrl(text)?.authority ?? text
  const at = authority.lastIndexOf('@')
  const place = authority.slice(at + 1)
  const colon = place.lastIndexOf(':')
  const port = place.slice(colon + 1)
  const named = place.slice(0, colon)
  const isBracketed = named.startsWith('[') && named.endsWith(']')
  const host = isBracketed ? named.slice(1, -1) : named
  if (colon < 1 || host === '' || port.length > PORT_DIGITS || !DIGITS.isAll(port)) return undefined
  if (isBracketed ? isIP(host) !== 6 : !HOST.isAll(host)) return undefined
  if (Number(port) < 1 || Number(port) > PORT_MAX) return undefined
  const user = authority.slice(0, Math.max(0, at))
  const split = user.indexOf(':')
  const names = split < 0 ? ([user, ''] as const) : ([user.slice(0, split), user.slice(split + 1)] as const)
  return { host, port: Number(port), credentials: [decoded(names[0]), decoded(names[1])] }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
