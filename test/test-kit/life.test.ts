// Beginning and end of a test server: several at once, and nothing left behind.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { createTestServer } from '../../src/test-kit/index.ts'
import { dial } from '../support/harness.ts'
import { Program, ROOT } from '../support/server.ts'
import { ownTestServer } from './support.ts'

test('several at once know nothing of each other', async () => {
  const servers = await Promise.all([1, 2, 3].map(() => ownTestServer()))
  expect(new Set(servers.map(({ port }) => port)).size).toBe(3)
  const clients = await Promise.all(servers.map((server) => server.connect()))
  for (const [index, nc] of clients.entries()) nc.publish('a', `${index}`)
  await Promise.all(clients.map((nc) => nc.flush()))
  for (const [index, server] of servers.entries()) {
    expect(server.messages().map((message) => message.string())).toEqual([`${index}`])
  }
})

test('official clients are told the address that they use', async () => {
  const server = await ownTestServer()
  await using nc = await connect({ servers: server.url })
  expect(nc.info).toMatchObject({ host: '127.0.0.1', port: server.port })
  expect(nc.getServer()).toBe(`127.0.0.1:${server.port}`)
})

test('options are those of createServer(), and bad ones are refused by name', async () => {
  await expect(createTestServer({ prot: 1 } as object)).rejects.toThrow(/prot/)
  const { port } = await ownTestServer()
  await expect(createTestServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const server = await ownTestServer({ authorization: { token: 's3cret' } })
  await expect(server.connect({ maxReconnectAttempts: 0 })).rejects.toThrow(/Authorization/i)
  await server.connect({ token: 's3cret' })
})

test('closed, it has closed its own clients and those of others, and may be closed again', async () => {
  const server = await createTestServer()
  const nc = await server.connect()
  const raw = await dial(server.port)
  await raw.readInfo()
  await server.close()
  await server.close()
  expect(nc.isClosed()).toBe(true)
  await raw.expectClose()
})

const PROGRAM = `
import { once } from 'node:events'
import { connect } from 'node:net'
import { createTestServer } from '${ROOT}src/test-kit/index.ts'
const before = process.getActiveResourcesInfo()
for (const workers of [0, 0, 2]) {
  await using server = await createTestServer({ workers })
  const nc = await server.connect()
  server.faults.delay('late', 600_000)
  nc.publish('late')
  nc.publish('more')
  const wait = server.received('never', { timeout: 600_000 }).catch(() => undefined)
  ;(await server.client('')).freeze()
  await server.close()
  await wait
}
// Clients that end just when the server does.
for (let round = 0; round < 6; round++) {
  const server = await createTestServer({ workers: 1 })
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'data')
  socket.destroy()
  await server.close()
}
// Node closes handles some turns of the loop later.
for (let turn = 0; turn < 10 && process.getActiveResourcesInfo().length > before.length; turn++) {
  await new Promise(setImmediate)
}
console.log(JSON.stringify({ before, after: process.getActiveResourcesInfo() }))
`

test('nothing is left: a process ends by itself', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-life-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'life.mts')
  writeFileSync(file, PROGRAM)
  const program = new Program(process.execPath, [file])
  onTestFinished(async () => void (await program.stop('SIGKILL')))
  // It starts ten threads from sources.
  expect(await program.exit(50_000)).toEqual({ code: 0, signal: null })
  expect(program.stderr).toBe('')
  const { before, after } = JSON.parse(program.stdout) as { before: string[]; after: string[] }
  const handles = (names: string[]): string[] => names.filter((name) => !/^(Pipe|TTY|File)/.test(name))
  expect(handles(after)).toEqual(handles(before))
}, 60_000)
