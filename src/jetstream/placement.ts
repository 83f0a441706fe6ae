// Which shard owns a stream.

import { hashBytes } from '../memory/block.ts'

/** By a hash of account and name (byte strings): the same on every thread, whether the stream exists or not. */
export function shardOf(account: string, stream: string, shards: number): number {
  const key = Buffer.from(`${account} ${stream}`, 'latin1')
  return (hashBytes(key, 0, key.length, 0) >>> 0) % shards
}
