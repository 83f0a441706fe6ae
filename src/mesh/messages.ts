// Messages between two shards over their port, and the data by which a shard is introduced to another.

import type { MessagePort } from 'node:worker_threads'
import type { TraceEvent } from '../tracing/event.ts'

/** What a shard needs to know another one. The same two rings and the other end of the port go to the other one. */
export interface PeerSetup {
  readonly index: number
  /** The peer's region of the shared index. */
  readonly region: SharedArrayBuffer
  /** Rings to the peer and from it. */
  readonly ringOut: SharedArrayBuffer
  readonly ringIn: SharedArrayBuffer
  readonly port: MessagePort
}

/** Shard ↔ shard: there are frames in the ring, or there is room in it again. A bare number, as it is sent often. */
export const WAKE = 0

/** Shard ↔ shard, over their own port. */
export type PeerMessage =
  | typeof WAKE
  /** A receiver of this publisher has fallen behind: slow it down until `release`. */
  | { readonly kind: 'hold'; readonly connection: number }
  | { readonly kind: 'release'; readonly connection: number }
  /** Send a fence with this number behind all that you have sent to me so far. */
  | { readonly kind: 'fence'; readonly number: number }
  /** What you sent before your fence of this number has been dealt with, and what of it goes on is on its way. */
  | { readonly kind: 'passed'; readonly number: number }
  /** A request of this publisher's, for which `asked` frames went out, reached nobody by one. Byte strings. */
  | {
      readonly kind: 'nobody'
      readonly connection: number
      readonly subject: string
      readonly reply: string
      readonly messages: number
      readonly asked: number
      readonly question: number
    }
  /** What happened here to a message that is traced. */
  | { readonly kind: 'traced'; readonly trace: number; readonly events: readonly TraceEvent[] }
  /** Asks for the description of a publisher. Answered by `thisIs`. */
  | { readonly kind: 'whoIs'; readonly connection: number; readonly id: number }
  /** JSON as a byte string; empty: it has gone. */
  | { readonly kind: 'thisIs'; readonly id: number; readonly info: string }
