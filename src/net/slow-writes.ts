// A peer that misses write deadlines. With `write_timeout: retry` it gets as much time again whenever it took something
// within the time that it had; otherwise, and for all others, it is cut. As nats-server does it, the first deadline
// that it misses is forgiven: some of what was written was taken before.

import { Faults } from '../base/errors.ts'
import { untakenBytes } from '../base/node-private.ts'
import type { Client } from '../connection/client.ts'
import type { Shard } from '../shard/shard.ts'
import type { Transport } from './transport.ts'

/**
 * Called every second or so. `known`: what its latest call answered: the deadlines that the client has missed;
 * undefined: none.
 */
export function sweepWrites(
  known: SlowWrites | undefined,
  client: Client,
  shard: Shard,
  socket: Transport,
): SlowWrites | undefined {
  if (client.outbound.waitingMs <= shard.options.writeDeadline) return known?.hasRecovered() ? undefined : known
  const slow = known ?? new SlowWrites(client, shard)
  slow.overdue(socket)
  return slow
}

export class SlowWrites {
  private readonly client: Client
  private readonly shard: Shard
  /** On the shard's clock. */
  private readonly sinceMs: number
  /** How long its latest write had waited when it was given more time, and what was left of it; none yet: 0 and -1. */
  private waitedMs = 0
  private untaken = -1

  constructor(client: Client, shard: Shard) {
    this.client = client
    this.shard = shard
    this.sinceMs = shard.nowMs - client.outbound.waitingMs
  }

  /** The latest write has waited longer than the write deadline. */
  overdue(socket: Transport): void {
    const { client, shard, waitedMs } = this
    const { waitingMs } = client.outbound
    // One that waits shorter than the latest that was given more time is another one.
    const hadMs = waitingMs < waitedMs ? waitingMs : waitingMs - waitedMs
    if (hadMs <= shard.options.writeDeadline) return
    const untaken = untakenBytes(socket)
    if (shard.options.writeTimeout !== 'retry' || untaken === this.untaken) {
      client.close(Faults.slowConsumerDeadline)
      return
    }
    shard.records.triedAgain(client, this.wasTriedAgain)
    this.waitedMs = waitingMs
    this.untaken = untaken
  }

  /** It was given more time before. */
  get wasTriedAgain(): boolean {
    return this.untaken !== -1
  }

  /** Answers whether it has caught up, and tells the log. */
  hasRecovered(): boolean {
    const { shard } = this
    const { outbound, log } = this.client
    if (outbound.pendingBytes > 0) return false
    log.info(`Slow Consumer Recovered: Flush took ${((shard.nowMs - this.sinceMs) / 1000).toFixed(3)}s`)
    return true
  }
}
