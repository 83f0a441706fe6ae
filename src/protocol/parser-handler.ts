// The interfaces of the parser: its handler and its limits.

import type { Fault } from '../base/errors.ts'
import type { Run } from './run.ts'

/** What every parser tells of. */
export interface MessageHandler {
  /** CONNECT: its JSON text. May suspend() the parser until the peer is authenticated. */
  processConnect(json: string): void
  /** Another operation comes although CONNECT is due. Returns whether the peer may go on without. */
  mayGoOnWithoutConnect(): boolean
  processPing(): void
  processPong(): void
  /** The peer broke the protocol; the parser takes nothing more after this call. `cause` is for the log. */
  processFault(fault: Fault, cause: string): void
  /** No work is left in this turn, and more has come: the handler may suspend() the parser. */
  turnIsOver(): void
}

/** What the parser of clients tells of. */
export interface ParserHandler extends MessageHandler {
  /**
   * PUB or HPUB; the run is valid during the call only. Returns how many of its messages were taken, one at least: the
   * parser tells the others again.
   */
  processPub(run: Run): number
  /** SUB; byte strings, one char a byte. */
  processSub(subject: string, queue: string, sid: string): void
  /** UNSUB; max is 0 where absent or not above zero. */
  processUnsub(sid: string, max: number): void
}

export interface ParserLimits {
  readonly maxControlLine: number
  readonly maxPayload: number
}
