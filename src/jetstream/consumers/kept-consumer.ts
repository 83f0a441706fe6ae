// A consumer as it is kept: in the store thread's database, or until a stream that is restored has been opened.

import type { KeptConsumer } from '../storage/catalogue.ts'
import type { AckSnapshot } from './ack-state.ts'
import type { ConsumerConfig } from './config.ts'
import type { Start } from './start.ts'

export interface ListedConsumer {
  /** The configuration may leave it out. */
  readonly name: string
  readonly config: ConsumerConfig
  readonly createdUs: number
  /** Undefined: it is new. */
  readonly state: ConsumerSnapshot | undefined
}

export interface ConsumerSnapshot extends AckSnapshot, Start {}

/** `stream`: its number in the database. */
export function keptConsumer(stream: number, { name, config, createdUs, state }: ListedConsumer): KeptConsumer {
  return { stream, name, kept: JSON.stringify({ config, createdUs, state }) }
}

export function listedConsumer({ name, kept }: KeptConsumer): ListedConsumer {
  return { name, ...(JSON.parse(kept) as Omit<ListedConsumer, 'name'>) }
}
