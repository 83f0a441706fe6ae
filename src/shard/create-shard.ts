// Creates a shard with all parts that its options require. Parts that most servers do not use are loaded on demand.

import { attempt } from '../base/guarded.ts'
import { loadHttpGateway } from '../http/load.ts'
import { loadJetStream } from '../jetstream/load.ts'
import type { StoreService } from '../jetstream/storage/store-service.ts'
import { loadLeafs } from '../leaf/load.ts'
import { loadRoutes } from '../routes/load.ts'
import type { ShardSetup, ToPrimary } from '../threads/messages.ts'
import { loadWebSockets } from '../websocket/load.ts'
import { Shard } from './shard.ts'

/** `toPrimary` requests work that only the primary can do; `store` keeps what streams are made of. */
export async function createShard(
  setup: ShardSetup,
  toPrimary: (message: ToPrimary) => void,
  store?: StoreService,
): Promise<Shard> {
  const { options } = setup
  const [WebSockets, HttpGateway, makeJetStream, Routes, Leafs] = await Promise.all([
    loadWebSockets(options),
    loadHttpGateway(options),
    loadJetStream(options, store),
    loadRoutes(options),
    loadLeafs(options),
  ])
  const shard = new Shard(setup, toPrimary, { WebSockets, HttpGateway, makeJetStream, Routes, Leafs })
  const opened = shard.jetstream?.adopt()
  if (setup.isReplacement) attempt(shard.bugMet, () => opened)
  else await opened
  return shard
}
