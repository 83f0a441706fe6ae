// What /connz tells of how connections came in, beside nats-server.

import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askJson } from '../monitor/http.ts'
import { type ConfiguredServer, configuredServers, startConfigured } from '../support/configured-servers.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'
import { Authority, OID, writeFiles } from '../tls/certificates.ts'

const authority = new Authority('Test')
const issued = authority.issue({ subject: 'localhost', ips: ['127.0.0.1'] })
const files = writeFiles({ cert: issued.cert, key: issued.key, ca: authority.cert })

interface Row {
  readonly [member: string]: unknown
}

/** The one connection there is, or was. */
async function row(program: ServerProgram, query: string): Promise<Row> {
  const [, port] = await program.until(/Starting http monitor on 127\.0\.0\.1:(\d+)/)
  const { connections } = await askJson<{ connections: Row[] }>(Number(port), `/connz?${query}`)
  expect(connections).toHaveLength(1)
  return connections[0]
}

async function enter({ port }: ServerProgram, options: NonNullable<Parameters<typeof connect>[0]>) {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

describe.each(configuredServers('/connz'))('$name', (server: ConfiguredServer) => {
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
})
