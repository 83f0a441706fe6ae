// What the pages tell of TLS, tokens and the WebSocket port, beside nats-server.

import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askJson } from '../monitor/http.ts'
import { type ConfiguredServer, configuredServers, startConfigured } from '../support/configured-servers.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'
import { Authority, OID } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const authority = new Authority('Test')
const issued = authority.issue({ subject: 'localhost', ips: ['127.0.0.1'] })
const files = writeFiles({ cert: issued.cert, key: issued.key, ca: authority.cert })

interface Row {
  readonly [member: string]: unknown
}

async function page<T>(program: ServerProgram, path: string): Promise<T> {
  const [, port] = await program.until(/Starting http monitor on 127\.0\.0\.1:(\d+)/)
  return askJson<T>(Number(port), path)
}

/** The one connection there is, or was. */
async function row(program: ServerProgram, query: string): Promise<Row> {
  const { connections } = await page<{ connections: Row[] }>(program, `/connz?${query}`)
  expect(connections).toHaveLength(1)
  return connections[0]
}

async function enter({ port }: ServerProgram, options: NonNullable<Parameters<typeof connect>[0]>) {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

describe.each(configuredServers('pages about security'))('$name', (server: ConfiguredServer) => {
  test('of TLS it tells version and cipher, and to those who ask for more the certificate', async () => {
    const subject = [
      [{ oid: OID.C, value: 'AT' }],
      [{ oid: OID.O, value: 'Weavers, Ltd.' }],
      [{ oid: OID.CN, value: 'alice' }],
    ]
    const { cert, key } = authority.issue({ subject })
    const program = await startConfigured(
      server,
      `http: "127.0.0.1:-1"
       tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify: true }`,
    )
    const connection = await enter(program, { tls: { ca: authority.cert, cert, key } })
    const plain = await row(program, '')
    expect(plain).toMatchObject({ tls_version: '1.3', tls_cipher_suite: expect.stringMatching(/^TLS_\w+$/) })
    expect(plain).not.toHaveProperty('tls_peer_certs')
    expect(plain).not.toHaveProperty('tls_first')
    const hash = expect.stringMatching(/^[0-9a-f]{64}$/)
    const certificates = ['CN=alice,O=Weavers\\, Ltd.,C=AT', 'CN=Test'].map((name) => {
      return { subject: name, spki_sha256: hash, cert_sha256: hash }
    })
    expect(await row(program, 'auth=1')).toMatchObject({ tls_peer_certs: certificates })
    await connection.close()
    await expect.poll(() => row(program, 'auth=1&state=closed').catch(() => ({}))).toMatchObject({ tls_version: '1.3' })
  })

  test('it says so when TLS came before INFO', async () => {
    const program = await startConfigured(
      server,
      `http: "127.0.0.1:-1"
       tls { cert_file: "${files.cert}", key_file: "${files.key}", handshake_first: true }`,
    )
    await enter(program, { tls: { ca: authority.cert, handshakeFirst: true } })
    expect(await row(program, '')).toMatchObject({ tls_first: true })
  })

  test('of a token it tells who signed it, its tags, and the token itself', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const user = await account.user({ tags: ['blue', 'fast'] })
    const program = await startConfigured(server, `http: "127.0.0.1:-1"\n${await operator.config()}`)
    const connection = await enter(program, { authenticator: credsAuthenticator(user.creds) })
    const token = { jwt: user.jwt, issuer_key: account.id, name_tag: 'A', account: account.id, tags: ['blue', 'fast'] }
    expect(await row(program, 'auth=1')).toMatchObject(token)
    for (const member of ['jwt', 'issuer_key', 'tags']) expect(await row(program, '')).not.toHaveProperty(member)
    await connection.close()
    await expect.poll(() => row(program, 'auth=1&state=closed').catch(() => ({}))).toMatchObject({ jwt: user.jwt })
  })

  test('a token that is enough by itself to come in is not shown', async () => {
    const operator = new TestOperator()
    const account = new TestAccount('A')
    await operator.sign(account)
    const user = await account.user({ bearer_token: true })
    const program = await startConfigured(server, `http: "127.0.0.1:-1"\n${await operator.config()}`)
    await enter(program, { authenticator: () => ({ jwt: user.jwt }) })
    const shown = await row(program, 'auth=1')
    expect(shown).toMatchObject({ issuer_key: account.id })
    expect(shown).not.toHaveProperty('jwt')
  })

  test('/varz says what the ports ask for', async () => {
    const program = await startConfigured(
      server,
      `http: "127.0.0.1:-1"
       tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify: true, timeout: 3 }
       websocket { listen: "127.0.0.1:-1", no_tls: true, allowed_origins: [ "http://a" ], compression: true,
                   handshake_timeout: "2s" }`,
    )
    const { websocket, ...varz } = await page<Row>(program, '/varz')
    const ends = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(varz).toMatchObject({ tls_required: true, tls_verify: true, auth_timeout: 4, tls_timeout: 3 })
    expect(varz).toMatchObject({ tls_cert_not_after: ends })
    expect(websocket).toEqual({
      host: '127.0.0.1',
      port: expect.any(Number),
      handshake_timeout: 2e9,
      no_tls: true,
      allowed_origins: ['http://a'],
      compression: true,
    })
  })

  test('/varz tells of answers about certificates', async () => {
    const program = await startConfigured(
      server,
      `http: "127.0.0.1:-1"
       tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify: true, ocsp_peer: true }`,
    )
    const { tls_ocsp_peer_verify, ocsp_peer_cache } = await page<Row>(program, '/varz')
    expect({ tls_ocsp_peer_verify, ocsp_peer_cache }).toEqual({
      tls_ocsp_peer_verify: true,
      ocsp_peer_cache: { cache_type: 'local' },
    })
  })

  test('operators and accounts are shown with their tokens', async () => {
    const operator = new TestOperator()
    const [account, other] = [new TestAccount('A'), new TestAccount('B')]
    await operator.sign(other, { exports: [{ name: 'news', subject: 'news.>', type: 'stream' }] })
    const jwt = await operator.sign(account, {
      exports: [{ name: 'help', subject: 'help', type: 'service' }],
      imports: [{ name: 'news', subject: 'news.>', account: other.id, type: 'stream' }],
      revocations: { '*': 1_000_000_000 },
      tags: ['blue'],
    })
    const user = await account.user()
    const program = await startConfigured(server, `http: "127.0.0.1:-1"\n${await operator.config()}`)
    await enter(program, { authenticator: credsAuthenticator(user.creds) })
    const varz = await page<Row>(program, '/varz')
    expect(varz).toMatchObject({
      trusted_operators_jwt: [expect.stringMatching(/^eyJ/)],
      trusted_operators_claim: [{ name: 'op', nats: { type: 'operator', system_account: operator.system.id } }],
    })
    const { account_detail } = await page<{ account_detail: Row }>(program, `/accountz?acc=${account.id}`)
    expect(account_detail).toMatchObject({
      account_name: account.id,
      expired: false,
      jwt,
      issuer_key: operator.key.getPublicKey(),
      name_tag: 'A',
      tags: ['blue'],
      decoded_jwt: { name: 'A', sub: account.id, nats: { type: 'account' } },
      revoked_user: { '*': expect.stringMatching(/^2001-09-09T/) },
      exports: [{ subject: 'help', type: 'service' }],
    })
    expect(account_detail['imports']).toContainEqual(expect.objectContaining({ subject: 'news.>', type: 'stream' }))
  })
})
