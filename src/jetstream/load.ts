// Streams are loaded only where they are switched on: most servers do without, and start sooner.

import type { Options } from '../options/options.ts'
import type { ShardStreams } from './contract.ts'
import type { JetStream } from './jetstream.ts'
import type { JetStreamOwner } from './owner.ts'
import type { StoreService } from './storage/store-service.ts'

/** Makes the streams of a shard. */
export type JetStreamMaker = (owner: JetStreamOwner, given: ShardStreams) => JetStream

/** Undefined: this server has no streams. */
export async function loadJetStream(
  { jetstream }: Options,
  store: StoreService | undefined,
): Promise<JetStreamMaker | undefined> {
  if (jetstream === undefined || store === undefined) return undefined
  const { JetStream } = await import('./jetstream.ts')
  return (owner, given) => new JetStream(owner, given, store)
}
