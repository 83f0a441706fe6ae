// Hands a connection from the thread that accepted it to the shard that will serve it. No other file does so.
//
// The primary transfers the handle of the accepted socket (Node 24.21 and later can): no descriptor number ever crosses
// a thread, because a reused number with a late clean-up would close another client's connection. Only the handle: a
// whole Socket costs another Socket where it arrives, and its own destruction where it left: a seventh of the processor
// time of a connect. The shard builds the one Socket that the connection has.

import type { Worker } from 'node:worker_threads'
import type { Arrival } from '../net/handle.ts'
import type { ToShard } from './messages.ts'

/**
 * Primary: gives connections to a shard. The primary does not own them afterwards. Throws if one cannot be transferred.
 */
export function handOver(worker: Worker, arrivals: readonly Arrival[]): void {
  const message: ToShard = { kind: 'connections', arrivals }
  // The type of the transfer list does not know handles.
  worker.postMessage(message, arrivals.map(({ handle }) => handle) as unknown as ArrayBuffer[])
}
