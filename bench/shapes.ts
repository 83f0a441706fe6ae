// All shapes that the servers are compared on, in the order in which they are measured and shown.

import { JETSTREAM_SHAPES } from './jetstream-shapes.ts'
import { PLAIN_SHAPES } from './plain-shapes.ts'
import type { Shape } from './shape.ts'
import { TRAFFIC_SHAPES } from './traffic-shapes.ts'

export interface Section {
  readonly title: string
  /** What makes the load, and how like a system's it is. */
  readonly note: string
  /** The names of its plots begin so. */
  readonly plots: string
  readonly shapes: readonly Shape[]
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'Traffic',
    note: `No message is like the one before: sizes are at random (16 to 1,024 B where nothing else is said), subjects vary,
each subscriber has a sid of its own. Raw sockets make the load. Its own processor time stands beside the server's in
the figures below. Subscribers are owed an exact number of bytes, and samples of them are compared with what was
published. "8 shards" are runs of their own, four times as long. "Paced" shapes publish far less than any of the
servers could take: they tell what a message costs by shards. The rate of bursts is that within a burst.`,
    plots: 'traffic-',
    shapes: TRAFFIC_SHAPES,
  },
  {
    title: 'One message repeated, and others',
    note: `Publishers repeat one message, as \`nats bench\` does, which is Heddle's best case; then TLS, permissions, WebSocket,
connections, start, monitoring and memory.`,
    plots: '',
    shapes: PLAIN_SHAPES,
  },
  {
    title: 'JetStream',
    note: `Both servers at their defaults, where nothing else is said: Heddle acknowledges a message of a file stream when it
is on the disk, nats-server before (it syncs every two minutes). "Unsynced" rows set \`sync_interval: 2m\` for both, "always"
rows \`always\`. Asynchronous publishers have 500 messages under way each, a synchronous one has one. Sizes are between
half of the one that is named and one and a half times as much, on 1,000 subjects at random; each message has a reply
subject of its own. Latency is that from the write of a message, of a batch or of a request to its answer. Raw sockets
make the load.`,
    plots: 'jetstream-',
    shapes: JETSTREAM_SHAPES,
  },
]

export const SHAPES: readonly Shape[] = SECTIONS.flatMap(({ shapes }) => shapes)
