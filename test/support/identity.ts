// A server's identity for parts that are tested without a server.

import type { ServerIdentity } from '../../src/protocol/handshake.ts'

export function identity(members: Partial<ServerIdentity> = {}): ServerIdentity {
  return {
    serverId: 'N',
    serverName: 'N',
    host: '127.0.0.1',
    port: 4222,
    headers: true,
    maxPayload: 1024,
    lameDuck: false,
    ...members,
  }
}
