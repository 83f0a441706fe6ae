// A shape of load: who is compared on it, and what Heddle is to reach there.

import type { Load } from './load.ts'
import { atLeast, atMost, type Targets } from './metrics.ts'
import type { Setup } from './setups.ts'

/** One of those who are compared on a shape. */
export interface Contender {
  readonly label: string
  readonly program: 'peer' | 'heddle' | 'floor'
  /** Undefined: its defaults. */
  readonly setup?: Setup
  /** Heddle's shards; undefined: its own default. */
  readonly workers?: number
  /** Heddle's other flags. */
  readonly flags?: readonly string[]
  readonly targets: Targets
}

export interface Shape {
  readonly name: string
  readonly load: Load
  /** In the order in which they take turns. Ratios are to the first. */
  readonly contenders: readonly Contender[]
  /** Rounds at most, where a run is long. */
  readonly pairsMax?: number
  /** Minutes long: only run when it is asked for by name. */
  readonly isLong?: boolean
}

export const PEER: Contender = { label: 'nats-server', program: 'peer', targets: {} }
export const FLOOR: Contender = { label: 'floor', program: 'floor', targets: {} }

export const heddle = (targets: Targets, workers?: number): Contender => ({
  label: workers === undefined ? 'Heddle' : `Heddle, ${workers} ${workers === 1 ? 'shard' : 'shards'}`,
  program: 'heddle',
  targets,
  ...(workers === undefined ? {} : { workers }),
})

/** Heddle with as few busy shards as carry the load. */
export const packed = (targets: Targets, workers: number): Contender => {
  const contender = heddle(targets, workers)
  return { ...contender, label: `${contender.label}, packed`, flags: ['--placement', 'pack'] }
}

/** Heddle against nats-server: least ratio of the rates, most of processor time a message, most of RSS growth. */
export function duel(name: string, load: Load, rate: number, cpu: number, growth?: number): Shape {
  const targets: Targets = {
    rate: atLeast(rate),
    cpuUs: atMost(cpu),
    ...(growth === undefined ? {} : { growthMiB: atMost(growth) }),
  }
  return { name, load, contenders: [PEER, heddle(targets)] }
}

/** The same servers set up otherwise. */
export const setUp = (setup: Setup, shape: Shape): Shape => ({
  ...shape,
  contenders: shape.contenders.map((contender) => ({ ...contender, setup })),
})
