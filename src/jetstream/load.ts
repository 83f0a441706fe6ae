// Streams are loaded only where they are switched on: most servers do without, and start sooner.

import type { Options } from '../options/options.ts'
import type { JetStream } from './jetstream.ts'

export type JetStreamClass = typeof JetStream

/** Undefined: this server has no streams. */
export async function loadJetStream({ jetstream }: Options): Promise<JetStreamClass | undefined> {
  if (jetstream === undefined) return undefined
  const { JetStream } = await import('./jetstream.ts')
  return JetStream
}
