// A peer that misses write deadlines. With `write_timeout: retry` it gets the same time again whenever it read
// something within the last one; otherwise it is closed. As on nats-server, the first missed deadline is forgiven,
// because part of the output was read before.

import { type Fault, Faults } from '../base/errors.ts'
import { untakenBytes } from '../base/node-private.ts'
import type { Options } from '../options/options.ts'
import type { Outbound } from './outbound.ts'
import type { Transport } from './transport.ts'

/** What it needs of the shard. */
interface Clock {
  readonly nowMs: number
  readonly options: Pick<Options, 'writeDeadline' | 'writeTimeout'>
}

/** The connection. */
export interface SlowWriter {
  readonly outbound: Pick<Outbound, 'waitingMs' | 'pendingBytes'>
  readonly log: { info(text: string): void }
  close(fault: Fault): void
  /** It gets more time; `still`: it was given some before. */
  triedAgain(still: boolean): void
}

/**
 * Called every second or so. `known`: what its latest call answered: the deadlines that the client has missed;
 * undefined: none.
 */
export function sweepWrites(
  known: SlowWrites | undefined,
  client: SlowWriter,
  shard: Clock,
  socket: Transport,
): SlowWrites | undefined {
  if (client.outbound.waitingMs <= shard.options.writeDeadline) return known?.hasRecovered() ? undefined : known
  const slow = known ?? new SlowWrites(client, shard)
  slow.overdue(socket)
  return slow
}

export class SlowWrites {
  private readonly client: SlowWriter
  private readonly shard: Clock
  /** On the shard's clock. */
  private readonly sinceMs: number
  /** How long its latest write had waited when it was given more time, and what was left of it; none yet: 0 and -1. */
  private waitedMs = 0
  private untaken = -1

  constructor(client: SlowWriter, shard: Clock) {
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
    client.triedAgain(this.wasTriedAgain)
    this.waitedMs = waitingMs
    this.untaken = untaken
  }

  /** It was given more time before. */
  get wasTriedAgain(): boolean {
    return this.untaken !== -1
  }

  /** Returns whether it has caught up, and tells the log. */
  hasRecovered(): boolean {
    const { shard } = this
    const { outbound, log } = this.client
    if (outbound.pendingBytes > 0) return false
    log.info(`Slow Consumer Recovered: Flush took ${((shard.nowMs - this.sinceMs) / 1000).toFixed(3)}s`)
    return true
  }
}
