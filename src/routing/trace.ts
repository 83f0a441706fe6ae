// A traced message. The router pays one branch per run; an untraced message costs no more.

import type { Account } from '../accounts/account.ts'
import type { Run } from '../protocol/run.ts'
import type { Publisher } from './publisher.ts'

export interface Trace {
  /** Sends a run of one message on its ways, a receiver at a time; returns how many it went to. */
  dispatch(run: Run, account: Account, publisher: Publisher): number
  /** A mapping has given it another subject (byte string). */
  mapped(subject: string): void
  /** Its publisher is not allowed to publish it. */
  refused(error: string): void
  /** A service import has made `run`, in `account`, of what was published as `from`. */
  dispatchImported(run: Run, account: Account, from: string, allowTrace: boolean, publisher: Publisher): number
}

/** A connection whose messages may be traced. */
export interface TracedPublisher extends Publisher {
  readonly closing: boolean
  readonly account: Account
  readonly options: { readonly name: string }
  readonly rights: { mayPublish(subject: string): boolean } | undefined
  readonly log: { violation(text: string): void }
  refuse(refusal: { readonly text: string; readonly logged: string }): void
}
