// What may be said when (docs/reference/reliability.md, "One way to an identity"): every operation, on every kind of
// connection, in every phase of its login. Until it is known who a peer is, nothing but CONNECT has an effect.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { rawClientOverWebSocket } from '../support/websocket.ts'

const VIOLATION = "-ERR 'Authorization Violation'\r\n"
const OK = '+OK\r\n'

function connectLine(pass: string, more: object = {}): string {
  return `CONNECT ${JSON.stringify({ user: 'a', pass, verbose: true, pedantic: false, headers: true, ...more })}\r\n`
}

/** Each with what a verbose client that is in gets for it; `closes`: and that is the end. */
const OPERATIONS: readonly (readonly [name: string, bytes: string, answer: string, closes: boolean])[] = [
  ['PUB', 'PUB x 1\r\n1\r\n', OK, false],
  ['pub', 'pub x 1\r\n1\r\n', OK, false],
  ['HPUB', 'HPUB x 12 13\r\nNATS/1.0\r\n\r\n1\r\n', OK, false],
  ['SUB', 'SUB x 1\r\n', OK, false],
  ['SUB with a queue', 'SUB x q 1\r\n', OK, false],
  ['UNSUB', 'UNSUB 1\r\n', OK, false],
  ['PING', 'PING\r\n', 'PONG\r\n', false],
  ['PONG', 'PONG\r\n', '', false],
  ['INFO', 'INFO {}\r\n', '', false],
  ['+OK', '+OK\r\n', '', false],
  ['-ERR', "-ERR 'x'\r\n", '', true],
  ['junk', 'hello\r\n', "-ERR 'Unknown Protocol Operation'\r\n", true],
  ['CONNECT, again', connectLine('right'), OK, false],
]

type Kind = 'TCP' | 'WebSocket'

describe.each(configuredServers('the state table'))('$name', (server) => {
  let program: ServerProgram
  let webSocketPort: number
  let directory: string
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'heddle-'))
    const file = join(directory, 'server.conf')
    writeFileSync(
      file,
      `authorization { users: [ { user: a, password: '${hashSync('right', 8)}' }, { user: w, password: w } ] }
       websocket { host: 127.0.0.1, port: -1, no_tls: true }`,
    )
    program = await server.start(['-c', file])
    webSocketPort = Number((await program.until(/Listening for websocket clients on ws:\S*:(\d+)/))[1])
  })
  afterAll(async () => {
    await program.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  /** A connection that has been greeted. */
  async function greeted(kind: Kind): Promise<RawClient> {
    const client = kind === 'TCP' ? await dial(program.port) : await rawClientOverWebSocket(webSocketPort)
    onTestFinished(() => client.close())
    await client.readInfo()
    return client
  }

  describe.each<Kind>(['TCP', 'WebSocket'])('over %s', (kind) => {
    describe('before CONNECT', () => {
      const operations = OPERATIONS.filter(([name]) => !name.startsWith('CONNECT'))
      test.each(operations)('%s is a violation', async (_, bytes) => {
        const client = await greeted(kind)
        client.send(bytes)
        await client.expect(VIOLATION)
        await client.expectClose()
      })
    })

    describe('while a password is being checked', () => {
      test.each(OPERATIONS)('%s waits, and is done when it was right', async (name, bytes, answer, closes) => {
        // nats-server does not always send its last words there.
        if (server.name === 'nats-server' && kind === 'WebSocket' && name === 'junk') return
        const client = await greeted(kind)
        client.send(connectLine('right') + bytes)
        await client.expect(OK + answer)
        if (closes) await client.expectClose()
        else await client.sync()
      })

      test.each(OPERATIONS)('%s comes to nothing when it was wrong', async (_, bytes) => {
        const watcher = await greeted('TCP')
        watcher.send('CONNECT {"user":"w","pass":"w","verbose":false,"headers":true}\r\nSUB x 1\r\n')
        await watcher.sync()
        const client = await greeted(kind)
        client.send(connectLine('wrong') + bytes)
        await client.expect(VIOLATION)
        await client.expectClose()
        await watcher.sync()
      })
    })

    describe('when it is known who it is', () => {
      test.each(OPERATIONS)('%s is done', async (name, bytes, answer, closes) => {
        // nats-server does not send its last words there.
        if (server.name === 'nats-server' && kind === 'WebSocket' && name === 'junk') return
        const client = await greeted(kind)
        client.send(connectLine('right'))
        await client.expect(OK)
        client.send(bytes)
        await client.expect(answer)
        if (closes) await client.expectClose()
        else await client.sync()
      })

      test('another CONNECT may fail, and ends it', async () => {
        const client = await greeted(kind)
        client.send(connectLine('right'))
        await client.expect(OK)
        client.send(`${connectLine('wrong')}PUB x 1\r\n1\r\n`)
        await client.expect(VIOLATION)
        await client.expectClose()
      })
    })

    test('an account may not be named', async () => {
      const client = await greeted(kind)
      client.send(connectLine('right', { account: 'A' }))
      await client.expectMatch(/^-ERR 'Authorization Violation'\r\n/)
      await client.expectClose()
    })
  })

  test('whoever says nothing is closed in time', async () => {
    const client = await greeted('TCP')
    expect((await client.readToClose()).toString()).toBe("-ERR 'Authentication Timeout'\r\n")
  })
})
