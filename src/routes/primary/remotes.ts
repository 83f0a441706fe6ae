// The other servers of the cluster, and which routes there are to each.

import type { RouteHello } from '../contract.ts'
import type { WantedRoute } from './wanted-routes.ts'

/** A route that a shard has. */
export interface KnownRoute {
  readonly link: number
  readonly shard: number
  /** Undefined: the other server dialled. */
  readonly wanted: WantedRoute | undefined
  /** Which one of those to that server: `#0`, `@account`, or `-` if it is the only one. Empty: not registered yet. */
  slot: string
  remote: Remote | undefined
  /** It was told to close. */
  isClosing: boolean
}

export class Remote {
  readonly id: string
  hello: RouteHello
  /** Its address as this server sees it. */
  readonly ip: string
  readonly routes = new Map<string, KnownRoute>()
  /** It was heard of from another server, and is not told on. */
  isGossiped = false
  /** Accounts that have no routes of their own there, and when that is tried again, by performance.now(). */
  readonly refused = new Map<string, number>()
  /** It has said that it ends. */
  isLameDuck = false

  constructor(hello: RouteHello, ip: string) {
    this.id = hello.serverId
    this.hello = hello
    this.ip = ip
  }

  /** One that is for several accounts, or else any. */
  get anyRoute(): KnownRoute | undefined {
    const all = [...this.routes.values()]
    return all.find(({ slot }) => !slot.startsWith('@')) ?? all[0]
  }

  /** Some of its routes are about to end, and others to take their places. */
  get isChanging(): boolean {
    return [...this.routes.values()].some(({ isClosing }) => isClosing)
  }

  /** There is a route that is for several accounts. */
  get hasPool(): boolean {
    return [...this.routes.keys()].some((slot) => !slot.startsWith('@'))
  }

  get isConfigured(): boolean {
    return [...this.routes.values()].some(({ wanted }) => wanted?.isConfigured === true)
  }

  /** The first free place in a pool of this size; undefined: it is full. */
  freeIndex(size: number): number | undefined {
    for (let index = 0; index < size; index++) if (!this.routes.has(`#${index}`)) return index
    return undefined
  }
}
