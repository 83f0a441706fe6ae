// The gateway is loaded only if its port is configured: most servers do without, and start sooner.

import type { Options } from '../options/options.ts'
import type { HttpGatewayClass } from './http-gateway.ts'

/** Undefined: there is no port for HTTP. */
export async function loadHttpGateway({ httpGateway }: Options): Promise<HttpGatewayClass | undefined> {
  if (httpGateway === undefined || httpGateway.port === 0) return undefined
  const { HttpGateway } = await import('./http-gateway.ts')
  return HttpGateway
}
