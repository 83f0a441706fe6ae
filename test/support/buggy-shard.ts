// A worker's entry for tests only: the real one, in which the next call of a method throws on demand.

import { parentPort } from 'node:worker_threads'
import '../../workers/shard-main.ts'
import { Client } from '../../src/connection/client.ts'
import { Inbox } from '../../src/mesh/inbox.ts'
import { KeepAlive } from '../../src/net/keep-alive.ts'
import { Outbound } from '../../src/net/outbound.ts'
import { LoadMeter } from '../../src/reports/load-meter.ts'
import { Shard } from '../../src/shard/shard.ts'

const TYPES = { Client, Inbox, KeepAlive, LoadMeter, Outbound, Shard }

export interface Break {
  readonly kind: 'break'
  readonly type: keyof typeof TYPES
  readonly method: string
  readonly text: string
}

parentPort?.on('message', (message: Break | { kind: undefined }) => {
  if (message.kind !== 'break') return
  const prototype = TYPES[message.type].prototype as unknown as Record<string, unknown>
  const { [message.method]: real } = prototype
  prototype[message.method] = () => {
    prototype[message.method] = real
    throw new Error(message.text)
  }
})
