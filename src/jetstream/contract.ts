// What shards ask the primary about streams. The primary has the list of all streams of the server: it decides who may
// have which name and subjects, and counts what is reserved. Plain data, which crosses threads.

import type { ApiError } from './errors.ts'
import type { StreamConfig } from './stream-config.ts'

/** A stream as the list has it. */
export interface ListedStream {
  /** Byte string. */
  readonly account: string
  readonly config: StreamConfig
  /** Microseconds since 1970. */
  readonly createdUs: number
  /** Names its folder; 0: it has none. */
  readonly id: number
}

/** What a new shard is told: of each account that has streams, where they count, and those that are the shard's. */
export interface ShardStreams {
  readonly serverUsage: SharedArrayBuffer
  readonly accounts: readonly {
    /** Byte string. */
    readonly name: string
    readonly usage: SharedArrayBuffer
    readonly streams: readonly ListedStream[]
  }[]
}

export type StreamQuestion =
  /** Where the streams of an account count what they use. */
  | { readonly verb: 'usage'; readonly account: string }
  /** A stream is to be created, or to go by another configuration. Answered by what is wrong with that, if anything. */
  | { readonly verb: 'claim'; readonly stream: ListedStream; readonly limits: ClaimLimits }
  /** A stream is to be restored: answered by a number for its folder. That goes at the next start, unless adopted. */
  | { readonly verb: 'reserve'; readonly stream: ListedStream; readonly limits: ClaimLimits }
  /** It is restored: all of it is on the disk. */
  | { readonly verb: 'adopt'; readonly stream: ListedStream; readonly limits: ClaimLimits }
  /** What is known of the streams that another follows, or would follow, and of those that these follow. */
  | { readonly verb: 'origins'; readonly account: string; readonly config: StreamConfig }
  /** It is deleted, and its store let go of. Answered when nothing of it is on the disk. */
  | { readonly verb: 'release'; readonly account: string; readonly name: string }
  /** What is wrong with a stream's disk; empty: nothing any more. */
  | { readonly verb: 'ailing'; readonly account: string; readonly name: string; readonly text: string }
  /** The names of an account's streams, sorted; those with a subject that overlaps `subject`, unless it is empty. */
  | { readonly verb: 'names'; readonly account: string; readonly subject: string }
  /** A page of the same streams, from `offset` on, with all that is known of them. */
  | { readonly verb: 'list'; readonly account: string; readonly subject: string; readonly offset: number }

/** What an account may have; -1: any. */
export interface ClaimLimits {
  readonly streams: number
  readonly memory: number
  readonly file: number
}

export interface StreamAnswer {
  /** Of the account (usage.ts). */
  readonly usage?: SharedArrayBuffer
  readonly error?: ApiError
  /** Why the disk did not take it, for operators. */
  readonly failure?: string
  /** The number of the stream that was claimed. */
  readonly id?: number
  readonly configs?: readonly StreamConfig[]
  readonly names?: readonly string[]
  readonly total?: number
  /** Infos, in the order of their names; those of shards that do not answer are missing. */
  readonly infos?: readonly object[]
  readonly missing?: readonly string[]
}
