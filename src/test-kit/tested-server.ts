// The embedded server with what only tests may do to it.

import { EmbeddedServer } from '../embedding/embedded-server.ts'

/** How often a replaced shard is asked about. */
const LOOK_MS = 5

export class TestedServer extends EmbeddedServer {
  /** Puts the clock of every shard forward; resolves when they have done what was due. */
  async advanceClock(ms: number): Promise<void> {
    await this.primary.query({ kind: 'advanceClock', ms })
  }

  /** Ends the thread of a shard at once. Resolves when another one serves in its place. Rejects if there is none. */
  async killShard(index: number): Promise<void> {
    const { restarts } = this.primary
    this.primary.killShard(index)
    const isBack = (): boolean =>
      !this.primary.isRunning ||
      (this.primary.restarts > restarts && this.primary.shardStates[index]?.state === 'serving')
    while (!isBack()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
