// The shards of a running server, one by one: to kill them, and to place connections on them. The primary keeps them
// to itself for good reasons; tests of their death have to reach them all the same, which is what the cast is for.

import type { Primary } from '../../src/primary/primary.ts'
import type { WorkerShardHost } from '../../src/primary/shard-host.ts'
import type { ConnectionRow } from '../../src/reports/rows.ts'
import { type Die, STUCK, type Way } from './faulty-ways.ts'
import { type ConnectMembers, RawClient } from './raw-client.ts'
import { until } from './until.ts'

/** The entry of workers that die on demand. */
export const FAULTY_ENTRY = new URL('./faulty-shard.ts', import.meta.url)

interface Insides {
  readonly shards: { readonly slots: readonly { readonly host: WorkerShardHost; failures: number }[] }
}

export function hostOf(primary: Primary, shard: number): WorkerShardHost {
  return (primary as unknown as Insides).shards.slots[shard].host
}

/**
 * Makes a shard die. Returns when it was about to (for those that get stuck: when they were ended). One that dies of
 * something else before it takes the order is dead as well.
 */
export async function kill(primary: Primary, shard: number, way: Way): Promise<number> {
  const host = hostOf(primary, shard)
  const word = letFail(primary, shard, way)
  let atMs = performance.now()
  if (!STUCK.includes(way)) return atMs
  const isReplaced = (): boolean => hostOf(primary, shard) !== host
  await until(`shard ${shard} to be stuck`, () => Atomics.load(word, 0) === 1 || isReplaced())
  atMs = performance.now()
  void host.thread.worker.terminate()
  return atMs
}

/** Makes a shard die, or be stuck, and leaves what comes of it to the server. The word is 1 from the last moment on. */
export function letFail(primary: Primary, shard: number, way: Way): Int32Array<SharedArrayBuffer> {
  const dying = new SharedArrayBuffer(4)
  const order: Die = { kind: 'die', way, dying }
  hostOf(primary, shard).thread.worker.postMessage(order)
  return new Int32Array(dying)
}

/** As if the shard had served for a long time: when it dies, it is replaced at once. */
export function settleShard(primary: Primary, shard: number): void {
  ;(primary as unknown as Insides).shards.slots[shard].failures = 0
}

/** Waits until another thread serves in the place of `dead`. */
export function untilReplaced(primary: Primary, shard: number, dead: WorkerShardHost): Promise<boolean> {
  return until(`shard ${shard} to be replaced`, () => {
    const host = hostOf(primary, shard)
    return host !== dead && host.isReady
  })
}

/** A connection on a certain shard: others that come first are closed again. */
export async function openOn(primary: Primary, shard: number, members?: ConnectMembers): Promise<RawClient> {
  const spare: RawClient[] = []
  try {
    for (;;) {
      const client = await RawClient.open(primary.identity.port, members)
      const id = client.info?.client_id ?? 0
      const report = await hostOf(primary, shard).query({
        kind: 'connections',
        state: 'open',
        subscriptions: 'none',
        id,
      })
      if ((report as ConnectionRow[] | undefined)?.length === 1) return client
      spare.push(client)
    }
  } finally {
    for (const client of spare) await client.close()
  }
}
