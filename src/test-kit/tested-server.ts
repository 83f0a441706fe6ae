// The embedded server with what only tests may do to it.

import { EmbeddedServer } from '../embedding/embedded-server.ts'
import type { TlsOfPorts } from '../tls/tls-settings.ts'

/** How often a replaced shard is asked about. */
const LOOK_MS = 5

/** What is wrong with the disk of the streams. */
export interface DiskState {
  readonly isFull: boolean
  /** Milliseconds that a write takes besides. */
  readonly delayMs: number
}

export class TestedServer extends EmbeddedServer {
  private aheadMs = 0
  private disk: DiskState = { isFull: false, delayMs: 0 }

  /** Puts the clock of every shard forward; resolves when they have done what was due. */
  async advanceClock(ms: number): Promise<void> {
    this.aheadMs += ms
    await this.primary.query({ kind: 'advanceClock', ms })
  }

  /** By how much its clock has been put forward. */
  get clockAheadMs(): number {
    return this.aheadMs
  }

  /** What is served on each port, with private keys. */
  get tls(): TlsOfPorts {
    return this.primary.tls
  }

  async setDisk(state: DiskState): Promise<void> {
    this.disk = state
    await this.primary.query({ kind: 'setDiskFaults', ...state })
  }

  /** Ends the thread of a shard at once. Resolves when another one serves in its place. Rejects if there is none. */
  async killShard(index: number): Promise<void> {
    const { restarts } = this.primary
    this.primary.killShard(index)
    const isBack = (): boolean =>
      !this.primary.isRunning ||
      (this.primary.restarts > restarts && this.primary.shardStates[index]?.state === 'serving')
    while (!isBack()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    await this.setDisk(this.disk)
  }
}
