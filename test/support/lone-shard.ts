// A shard on this thread, without a primary and without other shards; and what a shard is born with.

import { AccountConnections } from '../../src/accounts/account-connections.ts'
import { createServerKey } from '../../src/auth/server-key.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { Generations } from '../../src/interest/generations.ts'
import { createRegion } from '../../src/interest/writer.ts'
import { PublishOrder } from '../../src/mesh/publish-order.ts'
import { Gauges } from '../../src/reports/gauges.ts'
import { Shard } from '../../src/shard/shard.ts'
import { MessageSequence } from '../../src/system/server-info.ts'
import type { ShardSetup } from '../../src/threads/messages.ts'
import { createHandshakeLimit } from '../../src/tls/rate-limit.ts'
import { identity } from './identity.ts'

export function shardSetup(members: Partial<ShardSetup> = {}): ShardSetup {
  return {
    index: 0,
    options: normaliseOptions({ port: -1, workers: 0 }),
    identity: identity(),
    seed: 1,
    region: createRegion(),
    generations: new Generations().memory,
    gauges: new Gauges(1).memory,
    logOpened: new SharedArrayBuffer(4),
    shards: 1,
    hooks: [],
    key: createServerKey(),
    accountConnections: new AccountConnections(1).memory,
    tls: {},
    handshakeLimit: createHandshakeLimit(),
    publishOrder: new PublishOrder().memory,
    systemSequence: new MessageSequence().memory,
    streams: undefined,
    isReplacement: false,
    ...members,
  }
}

export function loneShard(members: Partial<ShardSetup> = {}): Shard {
  return new Shard(shardSetup(members), () => undefined)
}
