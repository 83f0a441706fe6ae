// The embedding API: a NATS server inside any Node program.
//
//     import { createServer } from 'heddle'
//     const server = createServer({ port: 0 })
//     await server.ready()
//     …connect clients to server.url…
//     await server.close()

import { EmbeddedServer } from './embedding/embedded-server.ts'
import type { EmbeddedOptions } from './embedding/given-options.ts'

export type { Authenticate, AuthenticateAnswer, AuthenticateRequest } from './auth/custom.ts'
export type { Authorize, ConnectedClient, Hooks, SlowConsumer } from './auth/hooks.ts'
export { OptionError } from './config/normalise.ts'
export { ServerStateError } from './embedding/embedded-server.ts'
export type { EmbeddedOptions, OptionsChange } from './embedding/given-options.ts'
export type { LocalConnectionOptions } from './embedding/local-connections.ts'
export type { Logger } from './log/logger.ts'
export type * from './options/blocks.ts'
export type { ServerOptions } from './options/options.ts'

/** A server in this process. */
export type HeddleServer = Pick<EmbeddedServer, keyof EmbeddedServer>

/**
 * Starts a server. Throws OptionError for bad options, Error if the log file cannot be opened; several servers may
 * live in one process.
 */
export function createServer(options: EmbeddedOptions = {}): HeddleServer {
  return new EmbeddedServer(options)
}
