// What a load is: it drives one server that has just been started and says what it saw.

import type { Run } from './metrics.ts'
import type { ServerProcess } from './server-process.ts'

export interface Seen {
  /** Messages delivered (or published, where nobody subscribes; or connections, where it is about these). */
  readonly messages: number
  readonly metrics: Run
}

export interface Load {
  /** Drives the server; `scale` shortens or lengthens the load for trying things out. */
  run(server: ServerProcess, scale: number): Promise<Seen>
  /** Other processes make the load: what this one takes does not tell what the load takes. */
  readonly isTool?: true
  /** What the floor (floor.ts) is told to do in the server's place, where it has a part to play. */
  floor?(scale: number): readonly string[]
}

/** `count` at this scale, at least `least`. */
export function scaled(count: number, scale: number, least = 1): number {
  return Math.max(least, Math.round(count * scale))
}
