// WebSockets are loaded only if their port is configured: most servers do without, and start sooner.

import type { Options } from '../options/options.ts'
import type { WebSocketsClass } from './websockets.ts'

/** Undefined: there is no port for them. */
export async function loadWebSockets({ websocket }: Options): Promise<WebSocketsClass | undefined> {
  if (websocket === undefined || websocket.port === 0) return undefined
  const { WebSockets } = await import('./websockets.ts')
  return WebSockets
}
