// Loads leaf nodes where the options ask for them.

import type { Options } from '../options/options.ts'
import type { LeafsClass } from './leafs.ts'

export async function loadLeafs({ leafnodes }: Options): Promise<LeafsClass | undefined> {
  return leafnodes === undefined ? undefined : (await import('./leafs.ts')).Leafs
}
