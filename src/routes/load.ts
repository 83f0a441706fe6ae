// Loads routes where the options ask for a cluster.

import type { Options } from '../options/options.ts'
import type { RoutesClass } from './routes.ts'

export async function loadRoutes({ cluster }: Options): Promise<RoutesClass | undefined> {
  return cluster === undefined ? undefined : (await import('./routes.ts')).Routes
}
