// What a store thread shows of itself in shared memory to whoever watches it: that it gets on, and with which call.
// Its long work does not turn the loop, so it beats by itself.

import { HEARTBEAT_MS } from '../../base/constants.ts'
import { ownThreadId } from '../../base/thread-time.ts'
import type { Beats } from '../../base/thread-watch.ts'

const BEATS = 0
const THREAD = 1
/** Of the call that is being carried out: who has asked, 0 for nobody, and the number of the call. */
const CLIENT = 2
const CALL = 3
const WORDS = 4

export type CallName = { readonly client: number; readonly call: number }

/** The watching side. */
export class Heartbeat implements Beats {
  readonly memory = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)
  private readonly words = new Int32Array(this.memory)

  heartbeat(): number {
    return Atomics.load(this.words, BEATS)
  }

  thread(): number {
    return Atomics.load(this.words, THREAD)
  }

  /** What it is doing; undefined: nothing for anybody. */
  get call(): CallName | undefined {
    const client = Atomics.load(this.words, CLIENT)
    return client === 0 ? undefined : { client, call: Atomics.load(this.words, CALL) }
  }
}

/** The words of the thread that this is; undefined: nobody watches it. */
let own: Int32Array | undefined

/** The calling thread is watched from now on. */
export function showHeartbeat(memory: SharedArrayBuffer): void {
  own = new Int32Array(memory)
  Atomics.store(own, THREAD, ownThreadId())
  setInterval(beat, HEARTBEAT_MS).unref()
}

/** Long work gets on. */
export function beat(): void {
  if (own !== undefined) Atomics.add(own, BEATS, 1)
}

/** Says for whom the thread does something, as long as it does not turn its loop. */
export function during<T>({ client, call }: CallName, work: () => T): T {
  if (own === undefined) return work()
  Atomics.store(own, CALL, call)
  Atomics.store(own, CLIENT, client)
  try {
    return work()
  } finally {
    Atomics.store(own, CLIENT, 0)
  }
}
