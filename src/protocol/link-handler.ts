// The interfaces of the parser of links to other servers: its handler, and how the peer writes its lines.

import type { MessageHandler } from './parser-handler.ts'
import type { Run } from './run.ts'

/** How the lines of a link are written, as the handshake decides. */
export interface LinkFormat {
  /** The verbs: of routes RS+ RS- LS+ LS- RMSG HMSG LMSG A+ A-, of leaf nodes LS+ LS- LMSG HMSG. */
  readonly kind: 'route' | 'leaf'
  /** Each line of a route names the account: it is not the route of one account. */
  readonly namesAccount: boolean
  /** LS- of a route names the cluster of the leaf node (`lnocu`). */
  readonly namesOriginOnEnd: boolean
}

export const LEAF_FORMAT: LinkFormat = { kind: 'leaf', namesAccount: false, namesOriginOnEnd: false }

/** What a line of messages says besides what is in the run; byte strings. The arrays are not changed afterwards. */
export interface MessageHead {
  /** Of a route that names it; empty: the link’s. */
  readonly account: string
  /** The cluster of the leaf node from which the messages came; empty: none. */
  readonly origin: string
  /** Each of these queue groups is to pick a member. */
  readonly queues: readonly string[]
}

/** What the parser of links tells of. Texts are byte strings, one char a byte; JSON is text. */
export interface LinkHandler extends MessageHandler {
  processInfo(json: string): void
  /** -ERR: its text without quotes. */
  processError(text: string): void
  /**
   * RMSG, HMSG or LMSG; run and head are valid during the call only. Returns how many of the messages were taken, one
   * at least: the parser tells the others again.
   */
  processMessages(run: Run, head: MessageHead): number
  /**
   * RS+ or LS+. `queue` is empty for plain interest; `weight` is at least 1. `origin`: the cluster of a leaf node, by
   * LS+ of a route; empty where the line has none, undefined for RS+.
   */
  processInterest(account: string, subject: string, queue: string, weight: number, origin: string | undefined): void
  /** RS- or LS-; arguments likewise. */
  processInterestEnd(account: string, subject: string, queue: string, origin: string | undefined): void
}
