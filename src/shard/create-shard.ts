// Creates a shard with all parts that its options require. Parts that most servers do not use are loaded on demand.

import { loadHttpGateway } from '../http/load.ts'
import { loadJetStream } from '../jetstream/load.ts'
import { loadRoutes } from '../routes/load.ts'
import type { ShardSetup, ToPrimary } from '../threads/messages.ts'
import { loadWebSockets } from '../websocket/load.ts'
import { Shard } from './shard.ts'

/** `toPrimary` requests work that only the primary can do. */
export async function createShard(setup: ShardSetup, toPrimary: (message: ToPrimary) => void): Promise<Shard> {
  const { options } = setup
  const [WebSockets, HttpGateway, JetStream, Routes] = await Promise.all([
    loadWebSockets(options),
    loadHttpGateway(options),
    loadJetStream(options),
    loadRoutes(options),
  ])
  const shard = new Shard(setup, toPrimary, { WebSockets, HttpGateway, JetStream, Routes })
  await shard.jetstream?.adopt()
  return shard
}
