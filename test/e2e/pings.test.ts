// PING and PONG: who is asked, when, and what becomes of those who do not answer (docs/reference/limits.md, "PINGs").

import { describe, expect, test } from 'vitest'
import { dial, open, useServer } from '../support/harness.ts'
import { show } from '../support/raw-client.ts'

const KEEP = { keepPings: true }
const STALE = "-ERR 'Stale Connection'\r\n"

describe.each([0, 2])('pings with %i workers', (workers) => {
  describe('every 100 ms, at most two unanswered', () => {
    const running = useServer({ workers, pingInterval: 100, pingMax: 2 })

    // Seed 000 and 001: what a client sees that never answers.
    test('a client that does not answer gets two PINGs, is told that it is stale, and is closed', async () => {
      const client = await open(running.port, {}, KEEP)
      await client.expect(`PING\r\nPING\r\n${STALE}`)
      await client.expectClose()
    })

    test('so does one that never sent CONNECT', async () => {
      const client = await dial(running.port, KEEP)
      await client.readInfo()
      await client.expect(`PING\r\nPING\r\n${STALE}`)
      await client.expectClose()
    })

    test('a client that answers stays', async () => {
      const client = await open(running.port, {}, KEEP)
      for (let i = 0; i < 6; i++) {
        await client.expect('PING\r\n')
        client.send('PONG\r\n')
      }
    })

    test('an answer to the second PING makes up for the first', async () => {
      const client = await open(running.port, {}, KEEP)
      for (let i = 0; i < 3; i++) {
        await client.expect('PING\r\nPING\r\n')
        client.send('PONG\r\n')
      }
    })

    test('a client that talks is not asked, but for the first measurement of its round trip', async () => {
      const client = await open(running.port, {}, KEEP)
      const endMs = performance.now() + 1000
      while (performance.now() < endMs) {
        client.send('SUB a 1\r\n')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      const got = client.received().toString()
      expect(['', 'PING\r\n'], show(client.received())).toContain(got)
    })

    test('a client that only listens is asked, and its messages go on', async () => {
      const listener = await open(running.port, {}, KEEP)
      const talker = await open(running.port)
      listener.send('SUB tick 1\r\n')
      await listener.expectMatch(/^PING\r\n/)
      listener.send('PONG\r\n')
      talker.send('PUB tick 1\r\nx\r\n')
      await listener.expectMatch(/^(?:PING\r\n)?MSG tick 1 1\r\nx\r\n/)
    })
  })

  describe('every 100 ms, none unanswered', () => {
    const running = useServer({ workers, pingInterval: 100, pingMax: 0 })

    test('a quiet client is stale without having been asked', async () => {
      const client = await dial(running.port, KEEP)
      await client.readInfo()
      await client.expect(STALE)
      await client.expectClose()
    })
  })

  describe('every 2 minutes', () => {
    const running = useServer({ workers })

    // nats-server does so with and without CONNECT, to know the round trip soon.
    test.each([
      ['that has sent nothing', ''],
      ['that has sent CONNECT', 'CONNECT {"verbose":false}\r\n'],
    ])('a client %s gets its first PING after 2 to 2.4 s', async (_, hello) => {
      const client = await dial(running.port, KEEP)
      await client.readInfo()
      client.send(hello)
      const startMs = performance.now()
      await client.expect('PING\r\n', 5000)
      const tookMs = performance.now() - startMs
      expect(tookMs).toBeGreaterThan(1950)
      // The upper edge leaves room for a slow machine.
      expect(tookMs).toBeLessThan(4000)
      client.send('PONG\r\n')
    })
  })
})
