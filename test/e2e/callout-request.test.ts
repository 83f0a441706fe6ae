// What a callout's service is told of a connection (docs/reference/authentication.md, "Auth callout"), by each way in
// which it may come, beside nats-server.

import { decode, encodeAuthorizationResponse } from '@nats-io/jwt'
import { wsconnect } from '@nats-io/nats-core'
import { createAccount, createUser, fromPublic } from '@nats-io/nkeys'
import {
  type ConnectionOptions,
  connect,
  type Msg,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConfiguredServer, configuredServers, startConfigured } from '../support/configured-servers.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const issuer = createAccount()
const authority = new Authority('Test')
const issued = authority.issue({ subject: 'localhost', ips: ['127.0.0.1'] })
const client = authority.issue({ subject: 'client' })
const files = writeFiles({ cert: issued.cert, key: issued.key, ca: authority.cert })
const CALLOUT = `
  server_name: here
  server_tags: [ "a:1" ]
  accounts { AUTH { users: [ { user: auth, password: auth } ] } }
  authorization { auth_callout { issuer: ${issuer.getPublicKey()}, account: AUTH, auth_users: [auth] } }`
const tls = (more: string): string => `tls { cert_file: "${files.cert}", key_file: "${files.key}", ${more} }`

type Asked = Readonly<Record<string, unknown>> & {
  readonly nats: { readonly user_nkey: string; readonly server_id: { readonly id: string } }
}

/** What the service is told when somebody comes by these options; it lets nobody in. */
async function askedFor(
  server: ConfiguredServer,
  config: string,
  options: ConnectionOptions,
  transport: 'tcp' | 'websocket' = 'tcp',
): Promise<unknown> {
  const program = await startConfigured(server, config)
  const secure = config.includes('tls {') ? { tls: { ca: authority.cert, cert: client.cert, key: client.key } } : {}
  const common = { servers: `127.0.0.1:${program.port}`, reconnect: false, ...secure }
  const service = await connect({ ...common, authenticator: usernamePasswordAuthenticator('auth', 'auth') })
  onTestFinished(() => service.close())
  const { promise, resolve } = Promise.withResolvers<Asked>()
  const answer = async (message: Msg): Promise<void> => {
    const asked = decode(message.string()) as unknown as Asked
    const [user, to] = [fromPublic(asked.nats.user_nkey), fromPublic(asked.nats.server_id.id)]
    message.respond(await encodeAuthorizationResponse(user, to, issuer, { error: 'no' }, {}))
    resolve(asked)
  }
  service.subscribe('$SYS.REQ.USER.AUTH', { callback: (_error, message) => void answer(message) })
  await service.flush()
  if (transport === 'tcp') await expect(connect({ ...common, ...options })).rejects.toThrow()
  else {
    const [, port] = await program.until(/Listening for websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/)
    await expect(wsconnect({ servers: `ws://127.0.0.1:${port}`, reconnect: false, ...options })).rejects.toThrow()
  }
  return shape(await promise)
}

/** Values that are another at each run, as what they are. */
function shape(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => shape(item, name))
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([key, member]) => [key, shape(member, key)]))
  }
  if (typeof value === 'number' && name !== 'protocol' && name !== 'version') return 'number'
  if (typeof value !== 'string') return value
  if (/^[NUAX][A-Z2-7]{55}$/.test(value) && value !== issuer.getPublicKey()) return value[0]
  if (name === 'jti' || name === 'sig' || name === 'nonce') return name
  if (name === 'version' && /^\d+\.\d+\.\d+$/.test(value)) return 'release'
  return value
}

const expected = (nats: object): unknown =>
  shape({
    aud: 'nats-authorization-request',
    exp: 1,
    iat: 1,
    iss: fromPublic(issuer.getPublicKey()) && 'N',
    jti: 'jti',
    nats: {
      ...nats,
      server_id: { host: '127.0.0.1', id: 'N', name: 'here', tags: ['a:1'], version: '2.0.0' },
      type: 'authorization_request',
      user_nkey: 'U',
      version: 2,
    },
    sub: issuer.getPublicKey(),
  })
const info = (more: object = {}) => ({ host: '127.0.0.1', id: 1, kind: 'Client', type: 'nats', ...more })
const opts = (more: object = {}) => ({ lang: 'nats.js', protocol: 1, version: '3.4.0', ...more })

describe.each(configuredServers('what callouts are told'))('$name', (server) => {
  const user = createUser()
  const name = user.getPublicKey()

  test('user and password', async () => {
    const authenticator = usernamePasswordAuthenticator('u', 'p')
    expect(await askedFor(server, CALLOUT, { name: 'me', authenticator })).toEqual(
      expected({
        client_info: info({ user: 'u', name: 'me' }),
        connect_opts: opts({ user: 'u', pass: 'p', name: 'me' }),
      }),
    )
  })

  test('a token', async () => {
    expect(await askedFor(server, CALLOUT, { authenticator: tokenAuthenticator('t') })).toEqual(
      expected({ client_info: info({ user: '[REDACTED]' }), connect_opts: opts({ auth_token: 't' }) }),
    )
  })

  test('an nkey', async () => {
    // A nonce is given where somebody may have to sign it.
    const config = CALLOUT.replace('password: auth }', `password: auth }, { nkey: ${createUser().getPublicKey()} }`)
    expect(await askedFor(server, config, { authenticator: nkeyAuthenticator(user.getSeed()) })).toEqual(
      expected({
        client_info: info({ user: name, nonce: 'nonce' }),
        connect_opts: opts({ nkey: name, sig: 'sig' }),
      }),
    )
  })

  test('nothing', async () => {
    expect(await askedFor(server, CALLOUT, {})).toEqual(expected({ client_info: info(), connect_opts: opts() }))
  })

  test('a WebSocket', async () => {
    const config = `${CALLOUT}\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }`
    const authenticator = usernamePasswordAuthenticator('u', 'p')
    expect(await askedFor(server, config, { authenticator }, 'websocket')).toEqual(
      expected({
        client_info: info({ user: 'u', type: 'websocket' }),
        connect_opts: opts({ user: 'u', pass: 'p', lang: 'nats.ws' }),
      }),
    )
  })

  test('TLS without certificates of clients', async () => {
    const authenticator = usernamePasswordAuthenticator('u', 'p')
    expect(await askedFor(server, `${CALLOUT}\n${tls('')}`, { authenticator })).toEqual(
      expected({
        client_info: info({ user: 'u' }),
        connect_opts: opts({ user: 'u', pass: 'p' }),
        client_tls: { version: '1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
      }),
    )
  })

  test('mutual TLS: the verified chain', async () => {
    const authenticator = usernamePasswordAuthenticator('u', 'p')
    const config = `${CALLOUT}\n${tls(`verify: true, ca_file: "${files.ca}"`)}`
    expect(await askedFor(server, config, { authenticator })).toEqual(
      expected({
        client_info: info({ user: 'u' }),
        connect_opts: opts({ user: 'u', pass: 'p' }),
        client_tls: {
          version: '1.3',
          cipher: 'TLS_AES_128_GCM_SHA256',
          verified_chains: [[client.cert, authority.cert]],
        },
      }),
    )
  })
})
