// The ways in which faulty-shard.ts can be made to die, and the message that orders it to.

export const WAYS = [
  'throw',
  'unhandled rejection',
  'process.exit',
  'heap out of memory',
  'stack overflow',
  'endless loop',
  'Atomics.wait',
  'runaway regular expression',
  'process.abort',
] as const
export type Way = (typeof WAYS)[number]

/** Ways that only a terminate() from outside ends. */
export const STUCK: readonly Way[] = ['endless loop', 'Atomics.wait', 'runaway regular expression']

export interface Die {
  readonly kind: 'die'
  readonly way: Way
  /** One word, set to 1 at the last moment. */
  readonly dying: SharedArrayBuffer
}
