// A stream (streams.ts) through a server, by our own raw sockets: for what `nats bench` cannot make, and for many
// subscribers, where it would take more of the machine than the server does.

import { Receiver, send } from './generators/pool.ts'
import type { Load } from './load.ts'
import type { Stream } from './streams.ts'

/** `makeStream` is called when the load runs: some streams are large. `messages` are published, over all publishers. */
export function streamLoad(makeStream: () => Stream, messages: number, publishers = 1): Load {
  return {
    async run(server, scale) {
      const stream = makeStream()
      const rounds = Math.max(1, Math.round((messages * scale) / stream.cycleMessages / publishers))
      const cycles = rounds * publishers
      const receiver = new Receiver({
        endpoint: server.endpoint,
        subscriptions: stream.subscriptions,
        stride: stream.stride,
        initial: stream.initial,
        messages: stream.delivered * cycles,
        each: stream.each?.map((count) => count * cycles),
      })
      await receiver.ready
      const sender = send({ endpoint: server.endpoint, connections: publishers, cycle: stream.cycle, rounds })
      await sender.ready
      server.begin()
      sender.tell({ kind: 'go' })
      const [received, sent] = await Promise.all([receiver.done, sender.done])
      server.end()
      return {
        messages: received.messages,
        metrics: { rate: (received.messages * 1000) / (received.lastMs - sent.firstMs) },
      }
    },
  }
}
