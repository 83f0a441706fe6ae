// What one peer does wrong again and again is counted, not written line by line; nothing of it is lost.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { COMPLAINTS_A_SECOND } from '../../src/base/constants.ts'
import { dial, open, useServer } from '../support/harness.ts'
import { until } from '../support/until.ts'

const COUNT = /… and (\d+) more in the last second/

describe.each([0, 2])('with %i workers', (workers) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-repeats-'))
  const logFile = join(folder, 'server.log')
  afterAll(() => rmSync(folder, { recursive: true }))
  const running = useServer({
    workers,
    log: 'stderr',
    logFile,
    authorization: {
      users: [
        { user: 'u', password: 'p', permissions: { publish: { deny: ['no.>'] }, subscribe: { deny: ['no.>'] } } },
      ],
    },
  })
  const linesWith = (text: string): string[] =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes(text))
  /** Lines that `text` has, and those that were counted instead in lines of the same `source`. */
  const told = (text: string, source: string): number =>
    linesWith(source).reduce((sum, line) => sum + (line.includes(text) ? 1 : Number(COUNT.exec(line)?.[1] ?? 0)), 0)

  test.each([
    ['publishes that are denied', (i: number) => `PUB no.${i} 0\r\n\r\n`, 'Publish Violation'],
    ['subscriptions that are denied', (i: number) => `SUB no.${i} ${i}\r\n`, 'Subscription Violation'],
  ])('%s', async (_, operation, text) => {
    const OPERATIONS = 3_000
    const client = await open(running.port, { user: 'u', pass: 'p' })
    let refusals = 0
    client.onLine = (line) => {
      if (line.startsWith('-ERR')) refusals++
      return line.startsWith('-ERR')
    }
    client.send(Array.from({ length: OPERATIONS }, (_, i) => operation(i)).join(''))
    await client.sync()
    expect(refusals).toBe(OPERATIONS)
    const source = `cid:${client.info?.client_id} `
    // The first is there at once.
    expect(linesWith(source).some((line) => line.includes(text) && line.includes('no.0'))).toBe(true)
    await until('all to be told', () => told(text, source) === OPERATIONS)
    const counts = linesWith(source).filter((line) => COUNT.test(line)).length
    expect(counts).toBeGreaterThan(0)
    expect(linesWith(source).length).toBeLessThanOrEqual((counts + 1) * (COMPLAINTS_A_SECOND + 1))
  })

  test('failed logins from one address, each by another connection', async () => {
    const LOGINS = 120
    for (let i = 0; i < LOGINS; i++) {
      const client = await dial(running.port)
      client.send('CONNECT {"user":"u","pass":"wrong"}\r\n')
      await client.readToClose()
    }
    const all = (): number => {
      const lines = linesWith('authentication error').length
      return linesWith('127.0.0.1 - … and').reduce((sum, line) => sum + Number(COUNT.exec(line)?.[1]), lines)
    }
    await until('all to be told', () => all() === LOGINS)
  })
})
