// A stream that follows others, as its mirror and its sources see it.

import type { Json } from '../../base/json.ts'
import type { ApiError } from '../errors.ts'
import { withoutHeaders } from '../message-headers.ts'
import { shortHash } from '../short-hash.ts'
import type { Adopted } from '../storing.ts'
import type { StreamConfig } from '../stream-config.ts'
import type { FedMessage, FollowingStream } from './feed.ts'

export interface Follower extends FollowingStream {
  readonly config: StreamConfig
  readonly domain: string
  /** Resolves when a message on a subject (byte string) can be adopted; undefined: it can. */
  readyToAdopt(subject: string): Promise<void> | undefined
  /** Stores a message of another stream, or says why not. */
  adopt(subject: string, headers: Buffer, payload: Buffer, adopted: Adopted): ApiError | undefined
}

/** What a message says of how it was published: that has been checked where it comes from. */
const SPENT = ['Nats-Expected-', 'Nats-Batch-'] as const

/** Its headers without that, and without those of a name. */
export function keptHeaders({ headers }: FedMessage, dropped = ''): Buffer {
  const isSpent = (name: string): boolean => name === dropped || SPENT.some((prefix) => name.startsWith(prefix))
  return headers.length === 0 ? headers : withoutHeaders(headers, isSpent)
}

/** A name that no other stream has for its consumers, on any server. */
export function followerId({ account, domain, name }: Follower): string {
  return shortHash(`${name} ${account.name}${domain === '' ? '' : ` ${domain}`}`)
}

/** What a consumer says of whom it is for. */
export function followerMetadata(follower: Follower, kind: 'mirror' | 'src'): Json {
  const { account, domain, name } = follower
  return {
    [`_nats.${kind}.stream`]: name,
    [`_nats.${kind}.acc`]: account.name,
    ...(domain === '' ? {} : { [`_nats.${kind}.domain`]: domain }),
  }
}
