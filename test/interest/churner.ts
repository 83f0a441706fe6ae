// A thread that writes an index while reader.test.ts reads it: some filters stay, others come and go without a pause,
// until the reader has had enough. The first growth of the region falls into that time.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Generations } from '../../src/interest/generations.ts'
import { InterestWriter } from '../../src/interest/writer.ts'
import { Random } from '../support/random.ts'

export interface ChurnSetup {
  readonly region: SharedArrayBuffer
  readonly seed: number
  /** Word 0: the reader wants this to end. */
  readonly control: SharedArrayBuffer
}

export type FromChurner = { readonly kind: 'ready' } | { readonly kind: 'done'; readonly changes: number }

export const KEPT_QUEUE = 'workers'
export const KEPT_MEMBERS = 3
/** Shares a node with kept filters, and comes and goes. */
export const CHURNED_QUEUE = 'churned'

/** A quarter of these are kept, the others come and go. */
export const NUMBERS = 400
export const isKept = (number: number): boolean => number % 4 === 0

/** Enough to outgrow the region's first size. */
const FLOOD = 24_000
const FLOOD_CHANCE = 0.000_05

function churn(setup: ChurnSetup, port: MessagePort): void {
  const writer = new InterestWriter(setup.region, new Generations(), setup.seed)
  const control = new Int32Array(setup.control)
  const random = new Random(setup.seed)
  for (let number = 0; number < NUMBERS; number++) if (isKept(number)) writer.add('$G', `item.${number}.*`, '')
  for (let i = 0; i < KEPT_MEMBERS; i++) writer.add('$G', 'group.>', KEPT_QUEUE)
  writer.add('$G', 'a.b.c.d', '')
  port.postMessage({ kind: 'ready' } satisfies FromChurner)

  let changes = 0
  const added = new Map<string, number>()
  const toggle = (filter: string, queue: string): void => {
    const key = `${filter} ${queue}`
    const node = added.get(key)
    if (node === undefined) added.set(key, writer.add('$G', filter, queue))
    else {
      writer.remove(node, '$G', filter, queue)
      added.delete(key)
    }
    changes++
  }
  const flood = (): void => {
    for (let i = 0; i < FLOOD; i++) toggle(`flood.${i}`, '')
  }
  const steps = [
    () => toggle(`item.${4 * random.below(NUMBERS / 4) + 1 + random.below(3)}.*`, ''),
    () => toggle(`item.${random.below(NUMBERS)}.*`, CHURNED_QUEUE),
    () => toggle(`item.${random.below(NUMBERS)}.other`, ''),
    () => toggle('group.>', KEPT_QUEUE),
    () => toggle('group.*', CHURNED_QUEUE),
    () => toggle('a.b', ''),
    () => toggle('a.b.c.d.e', ''),
    () => toggle('a.b.*.d.e', CHURNED_QUEUE),
  ]
  flood()
  while (Atomics.load(control, 0) === 0) {
    random.pick(steps)()
    if (random.chance(FLOOD_CHANCE)) flood()
  }
  port.postMessage({ kind: 'done', changes } satisfies FromChurner)
}

if (parentPort !== null) churn(workerData as ChurnSetup, parentPort)
