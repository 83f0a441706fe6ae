// Whom the log names when somebody is turned away, or too many come: beside nats-server, and never a secret.

import { connect as connectTls } from 'node:tls'
import { createUser } from '@nats-io/nkeys'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConfiguredServer, configuredServers, startConfigured } from '../support/configured-servers.ts'
import { dial, open } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { Authority } from '../tls/certificates.ts'
import { writeFiles } from '../tls/files.ts'

const DENIED = "-ERR 'Authorization Violation'\r\n"
const SECRET = 'sesame-open'
const authority = new Authority()
const server = authority.issue({ subject: 'server', dnsNames: ['localhost'], ips: ['127.0.0.1'] })
const alice = authority.issue({ subject: 'alice', emails: ['alice@example.com'] })
const files = writeFiles({ ca: authority.cert, cert: server.cert, key: server.key })

const servers = configuredServers('log lines of logins').filter(({ name }) => name !== 'heddle, 4 shards')

/** Turned away, each with the line that the log has of it. */
async function expectRefused(program: ServerProgram, members: object, line: string, answer = DENIED): Promise<void> {
  const client = await dial(program.port)
  await client.readInfo()
  await expectEnd(program, client, members, line, answer)
}

async function expectEnd(program: ServerProgram, client: RawClient, members: object, line: string, answer: string) {
  client.send(`CONNECT ${JSON.stringify({ verbose: false, ...members })}\r\nPING\r\n`)
  await client.expect(answer)
  await client.expectClose()
  await program.until(new RegExp(`\\[ERR\\] 127.0.0.1:\\d+ - cid:\\d+ - ${line}\n`))
  expect(program.stderr).not.toContain(SECRET)
}

describe.each(servers)('$name', (kind: ConfiguredServer) => {
  test('a refusal names who was claimed to be', async () => {
    const nkey = createUser().getPublicKey()
    const program = await startConfigured(
      kind,
      `authorization { users: [ { user: eve, password: right }, { nkey: ${nkey} } ] }`,
    )
    await expectRefused(program, { user: 'eve', pass: SECRET }, 'authentication error - User "eve"')
    await expectRefused(program, { user: 'n"o\n', pass: SECRET }, 'authentication error - User "n\\\\"o\\\\n"')
    await expectRefused(program, { nkey, sig: SECRET }, `authentication error - Nkey "${nkey}"`)
    await expectRefused(program, { auth_token: SECRET }, 'authentication error - Token "\\[REDACTED\\]"')
    await expectRefused(program, {}, 'authentication error')
  })

  test('lines of a client name its account and user', async () => {
    const program = await startConfigured(
      kind,
      `accounts { ACC {
         users: [ { user: eve, password: "${SECRET}", permissions: { publish: may } } ]
         limits { max_connections: 1 } } }`,
    )
    const members = { user: 'eve', pass: SECRET, name: 'n', lang: 'l', version: '1' }
    const client = await open(program.port, members)
    client.send('PUB a 0\r\n\r\n')
    await client.expectMatch(/^-ERR 'Permissions Violation[^\r]*\r\n/)
    await program.until(/cid:\d+ - "v1:l:n" - "ACC\/user:eve" - Publish Violation - Subject "a"\n/)
    const text = 'maximum account active connections exceeded'
    await expectRefused(program, members, `(?:"v1:l:n" - "ACC/user:eve" - )?${text}`, `-ERR '${text}'\r\n`)
  })

  test('a user named beside a certificate is warned of', async () => {
    const program = await startConfigured(
      kind,
      `tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${files.ca}", verify_and_map: true }
       authorization { users: [ { user: "alice@example.com" }, { user: eve, password: right } ] }`,
    )
    const plain = await dial(program.port)
    await plain.readInfo()
    plain.socket.removeAllListeners('data')
    const { cert, key } = alice
    const socket = connectTls({ socket: plain.socket, ca: authority.cert, cert, key, servername: 'localhost' })
    onTestFinished(() => void socket.destroy())
    const members = { user: 'eve', pass: SECRET }
    const line = 'authentication error - User "alice@example.com"'
    await expectEnd(program, RawClient.over(socket), members, line, DENIED)
    await program.until(/\[WRN\] User "eve" found in connect proto, but user required from cert\n/)
  })
})
