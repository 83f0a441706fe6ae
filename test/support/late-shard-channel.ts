/** A message on this channel lets the shards of late-shard.ts start. */
export const LATE_SHARDS = 'late shards may start'
