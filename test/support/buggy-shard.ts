// A worker's entry for tests only: the real one, in which the next call of a method throws on demand.

import { parentPort } from 'node:worker_threads'
import '../../workers/shard-main.ts'
import { Client } from '../../src/client.ts'
import { Inbox } from '../../src/inbox.ts'
import { KeepAlive } from '../../src/keep-alive.ts'
import { LoadMeter } from '../../src/monitor/shard/load-meter.ts'
import { Outbound } from '../../src/outbound.ts'
import { Shard } from '../../src/shard.ts'

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
