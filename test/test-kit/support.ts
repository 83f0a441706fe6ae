// A test server for the test that calls this.

import { onTestFinished } from 'vitest'
import { createTestServer } from '../../src/test-kit/index.ts'
import type { TestServer, TestServerOptions } from '../../src/test-kit/test-server.ts'

export async function ownTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await createTestServer(options)
  onTestFinished(() => server.close())
  return server
}
