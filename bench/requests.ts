// Requests of many clients to a few services, over raw sockets.

import { connectText } from './connect.ts'
import { request } from './generators/pool.ts'
import { type Load, scaled } from './load.ts'

/** The generator's own code is compiled and warm after so many. */
const WARM_UP = 5_000

export interface Requests {
  readonly clients: number
  readonly services: number
  readonly requests: number
  /** Requests a second; undefined: as fast as replies come. */
  readonly pace?: number
}

export function requestLoad({ clients, services, requests, pace }: Requests): Load {
  return {
    async run(server, scale) {
      const count = scaled(requests, scale, 100)
      const connect = connectText('')
      const { endpoint } = server
      const generator = request({ endpoint, connect, clients, services, warmUp: WARM_UP, requests: count, pace })
      await generator.ready
      server.begin()
      generator.tell({ kind: 'go' })
      const { rate, p50Us, p99Us } = await generator.done
      server.end()
      return { messages: WARM_UP + count, metrics: { ...(pace === undefined ? { rate } : {}), p50Us, p99Us } }
    },
  }
}
