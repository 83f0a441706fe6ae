// The time that a request and its reply take, one at a time, over raw sockets: one requester, one responder.

import { exchange } from './generators/pool.ts'
import { type Load, scaled } from './load.ts'

/** The generator's own code is compiled and warm after so many. */
const WARM_UP = 2_000

export function requestReply(requests: number, bytes: number): Load {
  return {
    async run(server, scale) {
      const count = scaled(requests, scale, 100)
      const generator = exchange({ endpoint: server.endpoint, warmUp: WARM_UP, requests: count, bytes })
      await generator.ready
      server.begin()
      generator.tell({ kind: 'go' })
      const { rate, p50Us, p99Us } = await generator.done
      server.end()
      return { messages: WARM_UP + count, metrics: { rate, p50Us, p99Us } }
    },
  }
}
