// Many connections: how fast they come, and what they cost while they do nothing. And how long a server takes to start.

import { setTimeout as pause } from 'node:timers/promises'
import { connectText } from './connect.ts'
import { hold, liveShortly } from './generators/pool.ts'
import { type Load, scaled } from './load.ts'

const DIALLING = 100
/** Garbage of the storm is gone after so long, and the server's first PINGs have been answered. */
const SETTLE_MS = 3_000
/** What a start leaves for later is done by then. */
const IDLE_MS = 3_000

/** Connects, subscribes, and waits for a PONG on each; then looks at the resident size of the idle connections. */
export function connecting(connections: number): Load {
  return {
    async run(server, scale) {
      const count = scaled(connections, scale)
      const before = server.usage().rssMiB
      const task = { dialling: DIALLING, subscription: 'SUB idle 1\r\n', stuck: false }
      server.begin()
      const holder = hold({ ...task, endpoint: server.endpoint, connections: count })
      const elapsedMs = await holder.ready
      server.end()
      await pause(SETTLE_MS)
      const idleKiB = ((server.usage().rssMiB - before) * 1024) / count
      holder.tell({ kind: 'stop' })
      await holder.done
      return { messages: count, metrics: { rate: (count * 1000) / elapsedMs, idleKiB } }
    },
  }
}

/** Connections that come, subscribe, have one message and leave, so many at a time. */
export function shortConnections(connections: number, atOnce: number): Load {
  return {
    async run(server, scale) {
      const count = scaled(connections, scale, atOnce)
      const task = { endpoint: server.endpoint, connect: connectText(''), atOnce }
      const generator = liveShortly({ ...task, connections: count })
      await generator.ready
      server.begin()
      generator.tell({ kind: 'go' })
      const { firstMs, lastMs } = await generator.done
      server.end()
      return { messages: count, metrics: { rate: (count * 1000) / (lastMs - firstMs) } }
    },
  }
}

/** Nobody connects: the resident size a while after the server is ready. */
export const idling: Load = {
  async run(server) {
    await pause(IDLE_MS)
    return { messages: 0, metrics: { idleMiB: server.usage().rssMiB } }
  },
}

/** Nothing but the start, which ServerProcess measures. */
export const startUp: Load = {
  async run({ acceptMs, readyMs }) {
    return { messages: 0, metrics: { acceptMs, readyMs } }
  },
}
