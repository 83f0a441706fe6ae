// The whole server is frozen for a while, as by a paused container, a snapshot of its machine or a debugger: it finds
// every shard and every connection as it was. A real process, SIGSTOP and SIGCONT.

import type { ChildProcess } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { SHARD_STUCK_MS } from '../../src/base/constants.ts'
import { configured } from '../support/configured.ts'
import { dial, open } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const WORKERS = 2
const PING_MS = 2_000
const WRITE_DEADLINE_MS = 2_000
/** Longer than everything that is judged by a silence. */
const FREEZE_MS = Math.max(SHARD_STUCK_MS, PING_MS, WRITE_DEADLINE_MS) + 500
const PAYLOAD = 'x'.repeat(1_000_000)

async function freeze(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP')
  onTestFinished(() => void child.kill('SIGCONT'))
  await new Promise((resolve) => setTimeout(resolve, FREEZE_MS))
  child.kill('SIGCONT')
}

/** A client that does not answer PINGs by itself. */
async function keepsPings(port: number): Promise<RawClient> {
  const client = await dial(port, { keepPings: true })
  await client.readInfo()
  client.send('CONNECT {"verbose":false}\r\nPING\r\n')
  await client.expect('PONG\r\n')
  return client
}

/** A client that has stopped to read, and for whom more waits than the kernel takes. */
async function stuckReader(port: number, publisher: RawClient): Promise<{ reader: RawClient; messages: () => number }> {
  const reader = await open(port)
  let messages = 0
  reader.onMessage = () => messages++
  reader.send('SUB big 1\r\n')
  await reader.sync()
  reader.socket.pause()
  for (let i = 0; i < 20; i++) publisher.send(`PUB big ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`)
  await publisher.sync()
  return { reader, messages: () => messages }
}

test('every shard and every connection is as it was', async () => {
  const { program, port } = await configured({
    workers: WORKERS,
    pingInterval: PING_MS,
    pingMax: 1,
    writeDeadline: WRITE_DEADLINE_MS,
  })
  const clients = await Promise.all(Array.from({ length: 10 }, () => open(port)))
  for (const [i, client] of clients.entries()) client.send(`SUB all ${i}\r\n`)
  for (const client of clients) await client.sync()

  // Both owe as many PONGs as they may. One sends them while the server is frozen, the other is as frozen as it is.
  const [asked, alsoFrozen] = await Promise.all([keepsPings(port), keepsPings(port)])
  for (const client of [asked, alsoFrozen]) await client.expect('PING\r\n')
  const { reader, messages } = await stuckReader(port, clients[0])

  const frozen = freeze(program.child)
  asked.send('PONG\r\n')
  await frozen

  // The server has turned its loops when these are answered, and had the time to judge.
  for (const client of clients) await client.sync()
  reader.socket.resume()
  alsoFrozen.send('PONG\r\n')
  await until('the reader to have all', () => messages() === 20)
  await reader.sync()
  for (const client of [asked, alsoFrozen]) {
    await client.expectMatch(/^(PING\r\n)*/)
    client.send('PONG\r\nPING\r\n')
    await client.expectMatch(/^(PING\r\n)*PONG\r\n/)
  }
  clients[0].send('PUB all 2\r\nhi\r\n')
  for (const [i, client] of clients.entries()) await client.expect(`MSG all ${i} 2\r\nhi\r\n`)
  // Nor does it speak of anything that went wrong.
  expect(program.stderr).not.toMatch(/\[(ERR|WRN)\]/)
}, 40_000)
