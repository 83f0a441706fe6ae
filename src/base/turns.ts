// Fair turns, counted in work. A shard has one event loop: while it serves one connection or one ring, all others wait.
// So all work that a peer can cause counts down the rest of the turn; when nothing is left, the remaining work waits
// until the others had their turns. Counting bytes is not enough: a MiB is one message, or 100,000 operations.
//
//     read ─▶ operations … left <= 0 ─▶ the parser keeps the rest, the socket is paused ─▶ wait()
//                                              ▲                                             │
//                  reads of others, timers ────┴──────────────── a later turn ◀──────────────┘
//
// A unit is about 8 ns of a processor of the year 2020. The figures are rough, and need not be better: a turn is to end
// after about a millisecond, whatever it is made of.

import { READ_TURN_BYTES, TURN_WORK } from './constants.ts'

/** What things cost, in units. */
export const Work = {
  /** A control line that is read and carried out, whatever it asks for. */
  operation: 30,
  /** A run of messages, and each message in it. */
  run: 20,
  message: 1,
  /** A look into a shard's index: each of them, each filter that matches, each step on the way there. */
  lookUp: 250,
  match: 18,
  step: 1,
  /** One more subscription that shares a slice of messages; one that gets a run by itself, and each message of it. */
  slice: 3,
  receiver: 8,
  encoding: 4,
  /** A message into another shard's ring; into the hands of the server itself; by an import of a service. */
  frame: 10,
  internal: 300,
  service: 2_400,
  own: 1_000,
  /** A message that goes on under another subject; one that is traced. */
  mapping: 350,
  trace: 12_000,
  /** A subscription that comes or goes by an operation; one that goes with many others. */
  subscription: 600,
  removal: 150,
  connect: 1_500,
  /** INFO for one connection. */
  info: 1_000,
  /** A refusal, and each text of it; a request that is told of no responders; a line of the log. */
  refusal: 600,
  refusalText: 30,
  noResponders: 160,
  logLine: 600,
} as const

const READ_UNITS = TURN_WORK / READ_TURN_BYTES
/** Copying is cheap beside reading, which the kernel has a part in. */
const ENCODE_SHIFT = 6

/** Work for so many bytes read. */
export function workOfRead(bytes: number): number {
  return Math.ceil(bytes * READ_UNITS)
}

/** Work for so many bytes encoded. */
export function workOfEncoding(bytes: number): number {
  return bytes >> ENCODE_SHIFT
}

/** What is left of a turn, for code that counts down its work. */
export interface TurnWork {
  left: number
}

export class Turns implements TurnWork {
  /** Work left in the current turn. All work counts it down, and ends soon after it is below zero. */
  left = TURN_WORK
  /** Those whose turn is over, in the order in which they go on. */
  private waiting: (() => void)[] = []
  private isScheduled = false

  /** A turn begins. */
  begin(): void {
    this.left = TURN_WORK
  }

  get isOver(): boolean {
    return this.left <= 0
  }

  /** Calls `goOn`, which does not throw, in a later turn of the loop. */
  wait(goOn: () => void): void {
    this.waiting.push(goOn)
    this.schedule()
  }

  /**
   * Calls `act`, which does not throw and costs `units` besides what it counts itself, with each item: at once with as
   * many as fit in a turn, with the others in later ones. Then calls `done`.
   */
  inPieces<T>(items: Iterable<T>, units: number, act: (item: T) => void, done: () => void = () => undefined): void {
    const rest = items[Symbol.iterator]()
    const goOn = (): void => {
      for (const end = this.left - TURN_WORK; this.left > end; this.left -= units) {
        const next = rest.next()
        if (next.done === true) {
          done()
          return
        }
        act(next.value)
      }
      this.wait(goOn)
    }
    goOn()
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.goOn()
    })
  }

  /** As many of the waiting ones as fit in one turn, one at least: however many wait, the loop turns. */
  private goOn(): void {
    const { waiting } = this
    this.waiting = []
    let spent = 0
    let next = 0
    while (next < waiting.length && spent < TURN_WORK) {
      this.begin()
      waiting[next++]()
      spent += TURN_WORK - this.left
    }
    if (next < waiting.length) {
      // Later ones queue behind those that have waited longer.
      this.waiting = [...waiting.slice(next), ...this.waiting]
      this.schedule()
    }
  }
}
