import { expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { firstInfo, laterInfo } from '../../src/connection/client-info.ts'
import type { ClientFacts } from '../../src/connection/facts.ts'
import type { Hello } from '../../src/protocol/handshake.ts'
import { identity } from '../support/identity.ts'
import { clientFacts, GUARDED, OPEN, WEB_SOCKET } from './facts.ts'

const SYSTEM = new Account('$SYS')
const NO_TLS: Hello['tls'] = undefined

function shardWith(members: Parameters<typeof identity>[0] = {}, tls = NO_TLS) {
  const asked: unknown[] = []
  return {
    asked,
    identity: identity(members),
    system: { account: SYSTEM, events: { connected: () => undefined } },
    tls: {
      certificateOf: () => undefined,
      detailsOf: () => undefined,
      hello: (client: unknown) => {
        asked.push(client)
        return tls
      },
    },
  }
}

/** What INFO says, in JSON. */
function read(bytes: Buffer): Record<string, unknown> {
  const [, json] = /^INFO (\{.*\}) \r\n$/.exec(bytes.toString()) ?? expect.fail(bytes.toString())
  return JSON.parse(json)
}

const loginWith = (greeting = OPEN, nonce = ''): Pick<ClientFacts, 'login'> => ({
  login: { greeting, nonce, identity: undefined },
})

test('the first INFO tells of the server and of the client’s place in it, and of no account', () => {
  const info = read(firstInfo(clientFacts(), shardWith({ serverName: 'S', port: 1234, maxPayload: 99 })))
  expect(info).toMatchObject({
    server_name: 'S',
    port: 1234,
    max_payload: 99,
    client_id: 7,
    client_ip: '10.1.2.3',
    headers: true,
  })
  for (const member of ['remote_account', 'connect_info', 'auth_required', 'nonce', 'tls_required', 'ldm']) {
    expect(info).not.toHaveProperty(member)
  }
})

test('an address that may be a proxy’s is not told', () => {
  expect(read(firstInfo(clientFacts(), shardWith(), false))).not.toHaveProperty('client_ip')
})

test('who has to say who it is is told so, with a nonce where there is one', () => {
  const info = read(firstInfo(clientFacts(loginWith(GUARDED, 'abc')), shardWith()))
  expect(info).toMatchObject({ auth_required: true, nonce: 'abc' })
})

test('that credentials are taken is not told where it is not to be announced', () => {
  const info = read(firstInfo(clientFacts(loginWith({ ...GUARDED, isAnnounced: false })), shardWith()))
  expect(info).not.toHaveProperty('auth_required')
})

test('TLS is told as the shard has it for this client', () => {
  const shard = shardWith({}, { required: true, verify: true, available: false })
  const client = clientFacts()
  expect(read(firstInfo(client, shard))).toMatchObject({ tls_required: true, tls_verify: true })
  expect(read(laterInfo(client, shard))).toMatchObject({ tls_required: true, tls_verify: true })
  expect(shard.asked).toEqual([client, client])
})

test('a client by WebSocket is told of the port that it came to', () => {
  const shard = shardWith({ port: 4222, webSocket: { host: '1.1.1.1', port: 8080 } })
  const there = { host: '1.1.1.1', port: 8080 }
  const webSocket = clientFacts({ clientType: 'websocket', webSocket: WEB_SOCKET })
  expect(read(firstInfo(webSocket, shard))).toMatchObject(there)
  expect(read(laterInfo(webSocket, shard))).toMatchObject(there)
  expect(read(firstInfo(clientFacts(), shard))).toMatchObject({ host: '127.0.0.1', port: 4222 })
})

test('a later INFO says to which account it belongs, and what it may send', () => {
  const info = read(laterInfo(clientFacts({ limits: { subscriptions: -1, payload: 12 } }), shardWith()))
  expect(info).toMatchObject({ connect_info: true, remote_account: 'A', max_payload: 12 })
  expect(info).not.toHaveProperty('acc_is_sys')
})

test('who is in the system account is told so; an account of that name on a server without one is a plain one', () => {
  const client = clientFacts({ account: SYSTEM })
  expect(read(laterInfo(client, shardWith()))).toMatchObject({ remote_account: '$SYS', acc_is_sys: true })
  const without = { ...shardWith(), system: undefined }
  expect(read(laterInfo(client, without))).not.toHaveProperty('acc_is_sys')
})

test('that the server ends is told to one alone; the others hear nothing of it', () => {
  const shard = shardWith()
  expect(read(laterInfo(clientFacts(), shard, true))).toMatchObject({ ldm: true })
  expect(read(laterInfo(clientFacts(), shard))).not.toHaveProperty('ldm')
  expect(read(laterInfo(clientFacts(), shardWith({ lameDuck: true })))).toMatchObject({ ldm: true })
})
