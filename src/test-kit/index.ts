// A NATS server for tests (docs/testing.md).
//
//     import { createTestServer } from 'heddle/test'
//     await using server = await createTestServer()
//     …connect the program to server.url, let it work…
//     const [order] = await server.received<Order>('orders.>')

import { TestServer, type TestServerOptions } from './test-server.ts'

export { NotReceivedError, type ReceivedMessage, type ReceivedOptions } from './captured.ts'
export type { DiskFault, TestDisk } from './disk.ts'
export type { Direction, Fault, FaultOptions } from './faults.ts'
export type { Difference, ReplayOptions } from './replay.ts'
export { replay } from './replay.ts'
export type { TestClient } from './test-client.ts'
export type { TestConnectionOptions, TestServer, TestServerOptions, WaitOptions } from './test-server.ts'

/**
 * Starts a server in this process on a free port of this machine; several may run at once. Resolves when it serves
 * clients. Rejects with OptionError for bad options.
 */
export function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  return TestServer.start(options)
}
