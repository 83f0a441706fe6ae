// The server of a chaos run, as a process of its own: it can be stopped and continued as a whole, its shards can be
// made to die, and it is told by messages when to read its configuration again.

import { parseFlags } from '../../src/config/flags.ts'
import { load } from '../../src/config/load.ts'
import { surroundingsOf } from '../../src/config/surroundings.ts'
import type { Options } from '../../src/options/options.ts'
import { Primary } from '../../src/primary/primary.ts'
import { ShardThreads } from '../../src/primary/shard-threads.ts'
import type { Way } from '../support/faulty-ways.ts'
import { FAULTY_ENTRY, hostOf, kill } from '../support/shards.ts'

/** What the run asks for. */
export type Order =
  | { readonly kind: 'reload' }
  | { readonly kind: 'kill'; readonly shard: number; readonly way: Way }
  /** Which shard a connection is on. */
  | { readonly kind: 'where'; readonly connection: number }
  | { readonly kind: 'stop' }

/** Every order is answered, by its number. */
export interface Answer {
  readonly id: number
  /** What went wrong. */
  readonly error?: string
  /** `where`: the shard; -1: none has it. */
  readonly shard?: number
}

/** Told once. */
export interface Started {
  readonly port: number
  readonly webSocketPort: number
}

async function readOptions(file: string): Promise<Options> {
  const command = parseFlags(['-c', file])
  if (command.kind !== 'run') throw new Error('no command to run')
  const result = await load(command, surroundingsOf({}))
  if ('refused' in result) throw new Error(result.refused)
  return result.options
}

const file = process.env['CHAOS_CONFIG'] ?? ''
const primary = new Primary(await readOptions(file), new ShardThreads(FAULTY_ENTRY))
await primary.start()

async function whereIs(connection: number): Promise<number> {
  for (let shard = 0; shard < primary.options.workers; shard++) {
    const query = { kind: 'connections', state: 'open', subscriptions: 'none', id: connection } as const
    const rows = await hostOf(primary, shard).query(query)
    if (Array.isArray(rows) && rows.length === 1) return shard
  }
  return -1
}

async function obey(order: Order): Promise<Omit<Answer, 'id'>> {
  switch (order.kind) {
    case 'reload':
      await primary.reload(await readOptions(file))
      return {}
    case 'kill':
      if (hostOf(primary, order.shard).isReady) await kill(primary, order.shard, order.way)
      return {}
    case 'where':
      return { shard: await whereIs(order.connection) }
    case 'stop':
      await primary.close()
      setImmediate(() => process.disconnect?.())
      return {}
  }
}

// Whoever began the run is gone.
process.on('disconnect', () => process.exit(0))
process.on('message', ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (answer) => process.send?.({ id, ...answer }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  )
})
process.send?.({ port: primary.port, webSocketPort: primary.identity.webSocket?.port ?? 0 } satisfies Started)
