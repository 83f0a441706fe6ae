// INFO for one client: the server, and the members that depend on the client's identity and address.

import { encodeInfo, type ServerIdentity } from '../protocol/handshake.ts'
import type { ClientFacts } from './facts.ts'
import type { ClientOwner } from './owner.ts'

type Shard = Pick<ClientOwner, 'identity' | 'system' | 'tls'>

/** The server as INFO describes it to this client. */
function serverIdentity({ webSocket }: ClientFacts, { identity }: Shard): ServerIdentity {
  return webSocket === undefined ? identity : { ...identity, ...identity.webSocket }
}

/** INFO, for the first time. */
export function firstInfo(client: ClientFacts, shard: Shard, addressKnown = true): Buffer {
  const { login } = client
  const hello = { authRequired: login.greeting.isAnnounced, nonce: login.nonce, tls: shard.tls.hello(client) }
  return encodeInfo(serverIdentity(client, shard), client.id, addressKnown ? client.ip : undefined, hello)
}

/** INFO as it is by now: it says to which account the client belongs. `lameDuck`: that the server is about to end. */
export function laterInfo(client: ClientFacts, shard: Shard, lameDuck = false): Buffer {
  const { login, limits } = client
  const hello = {
    authRequired: login.greeting.isAnnounced,
    nonce: login.nonce,
    account: client.account.name,
    isSystem: client.account === shard.system?.account,
    maxPayload: limits.payload,
    tls: shard.tls.hello(client),
  }
  const identity = serverIdentity(client, shard)
  return encodeInfo(lameDuck ? { ...identity, lameDuck } : identity, client.id, client.ip, hello)
}
