// What happens to messages on their way: a list of faults, each for the messages on some subjects.

import { matches } from '../subjects/subject.ts'

/** `publish`: from a client to the server; `deliver`: from the server to a client. */
export type Direction = 'publish' | 'deliver'

export interface FaultOptions {
  /** Messages of one direction only; default: both. */
  direction?: Direction
  /** Ends by itself after so many messages; default: it stays. */
  times?: number
  /** Messages of the clients of this name only; default: all. */
  client?: string
}

/** A fault in force. `using` ends it at the end of the block. */
export interface Fault {
  /** Messages that met it so far. */
  readonly count: number
  end(): void
  [Symbol.dispose](): void
}

/** What is to be done with a message: `drop` it, or hold its direction of the connection for so many milliseconds. */
export type Fate = { readonly drop: true } | { readonly drop: false; readonly delayMs: number }

const PASSES: Fate = { drop: false, delayMs: 0 }

class MessageFault implements Fault {
  count = 0
  readonly fate: Fate
  private readonly filter: string
  private readonly options: FaultOptions
  private readonly faults: Set<MessageFault>

  constructor(filter: string, fate: Fate, options: FaultOptions, faults: Set<MessageFault>) {
    this.filter = filter
    this.fate = fate
    this.options = options
    this.faults = faults
    faults.add(this)
  }

  concerns(subject: string, direction: Direction, client: string): boolean {
    const { direction: only, client: name } = this.options
    if ((only ?? direction) !== direction || (name ?? client) !== client) return false
    return matches(this.filter, subject)
  }

  meet(): void {
    this.count++
    if (this.count >= (this.options.times ?? Number.POSITIVE_INFINITY)) this.end()
  }

  end(): void {
    this.faults.delete(this)
  }

  [Symbol.dispose](): void {
    this.end()
  }
}

export class Faults {
  private readonly active = new Set<MessageFault>()

  /** Messages on subjects that match are lost. */
  drop(filter: string, options: FaultOptions = {}): Fault {
    return new MessageFault(filter, { drop: true }, options, this.active)
  }

  /**
   * Messages on subjects that match wait for `ms` milliseconds, and all that follows on the same connection in the same
   * direction waits behind them: their order stays.
   */
  delay(filter: string, ms: number, options: FaultOptions = {}): Fault {
    if (!(ms >= 0)) throw new RangeError(`a delay is a number of milliseconds, not ${ms}`)
    return new MessageFault(filter, { drop: false, delayMs: ms }, options, this.active)
  }

  /** Ends all of them. */
  clear(): void {
    this.active.clear()
  }

  /** What becomes of a message: the earliest fault that concerns it decides. */
  fateOf(subject: string, direction: Direction, client: string): Fate {
    for (const fault of this.active) {
      if (!fault.concerns(subject, direction, client)) continue
      fault.meet()
      return fault.fate
    }
    return PASSES
  }
}
