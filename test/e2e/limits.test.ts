// Limits that the options set (docs/reference/limits.md, "Limits"), each at its edge.

import { describe, expect, test } from 'vitest'
import { OptionError, type ServerOptions } from '../../src/index.ts'
import { dial, open, ownServer, useServer } from '../support/harness.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const TOO_LONG = "-ERR 'maximum control line exceeded'\r\n"

describe.each([0, 2])('limits with %i workers', (workers) => {
  describe('maxPayload 100', () => {
    const running = useServer({ workers, maxPayload: 100 })

    test('is announced', async () => {
      const client = await open(running.port)
      expect(client.info).toMatchObject({ max_payload: 100 })
    })

    test('a payload of 100 bytes passes, one of 101 closes', async () => {
      const client = await open(running.port)
      const payload = 'x'.repeat(100)
      client.send(`SUB a 1\r\nPUB a 100\r\n${payload}\r\n`)
      await client.expect(`MSG a 1 100\r\n${payload}\r\n`)
      client.send('PUB a 101\r\n')
      await client.expect("-ERR 'Maximum Payload Violation'\r\n")
      await client.expectClose()
    })

    test('headers count as payload', async () => {
      const client = await open(running.port, { headers: true })
      const body = `NATS/1.0\r\n\r\n${'x'.repeat(88)}`
      client.send(`SUB a 1\r\nHPUB a 12 100\r\n${body}\r\n`)
      await client.expect(`HMSG a 1 12 100\r\n${body}\r\n`)
      client.send('HPUB a 12 101\r\n')
      await client.expect("-ERR 'Maximum Payload Violation'\r\n")
      await client.expectClose()
    })

    test('what came before the violation is still delivered', async () => {
      const listener = await open(running.port)
      listener.send('SUB before 1\r\n')
      await listener.sync()
      const client = await open(running.port)
      client.send('PUB before 1\r\nx\r\n'.repeat(10), 'PUB before 101\r\n')
      await client.expect("-ERR 'Maximum Payload Violation'\r\n")
      await listener.expect('MSG before 1 1\r\nx\r\n'.repeat(10))
    })
  })

  describe('maxPayload 0', () => {
    const running = useServer({ workers, maxPayload: 0 })

    test('empty messages only', async () => {
      const client = await open(running.port)
      client.send('SUB a 1\r\nPUB a 0\r\n\r\n')
      await client.expect('MSG a 1 0\r\n\r\n')
      client.send('PUB a 1\r\n')
      await client.expect("-ERR 'Maximum Payload Violation'\r\n")
      await client.expectClose()
    })
  })

  describe('maxControlLine 64', () => {
    const running = useServer({ workers, maxControlLine: 64 })
    /** The arguments of a SUB, `length` bytes of them. */
    const argument = (length: number): string => `${'s'.repeat(length - 2)} 1`

    test('a line of 64 bytes of arguments passes, one of 65 closes', async () => {
      const client = await dial(running.port)
      await client.readInfo()
      client.send(`SUB ${argument(64)}\r\n`)
      await client.expect('+OK\r\n')
      client.send(`SUB ${argument(65)}\r\n`)
      await client.expect(TOO_LONG)
      await client.expectClose()
    })

    test('so it is when the line comes in pieces', async () => {
      for (const at of [1, 4, 30, 67, 68, 69]) {
        const client = await dial(running.port)
        await client.readInfo()
        const fits = `SUB ${argument(64)}\r\n`
        client.send(fits.slice(0, at))
        await new Promise(setImmediate)
        client.send(fits.slice(at))
        await client.expect('+OK\r\n')
      }
    })

    test('a line that never ends closes', async () => {
      const client = await dial(running.port)
      await client.readInfo()
      client.send(`SUB ${'s'.repeat(80)}`)
      await client.expect(TOO_LONG)
      await client.expectClose()
    })

    test('a line that never ends closes, typed letter by letter', async () => {
      const client = await dial(running.port)
      await client.readInfo()
      for (let i = 0; i < 100 && !client.isClosed; i++) {
        client.send(i < 4 ? 'SUB '[i] : 's')
        await new Promise(setImmediate)
      }
      const words = (await client.readToClose()).toString()
      // What was typed behind the end may have turned the close into a reset.
      expect(['', TOO_LONG]).toContain(words)
    })

    test('payloads are no control lines', async () => {
      const client = await dial(running.port)
      await client.readInfo()
      client.send(`PUB a 5000\r\n${'x'.repeat(5000)}\r\n`)
      await client.expect('+OK\r\n')
    })
  })

  describe('maxConnections', () => {
    test('one more than allowed is told so after INFO and closed; a place that falls free is taken', async () => {
      const server = await ownServer({ workers, maxConnections: 3 })
      const clients = [await open(server.port), await open(server.port), await open(server.port)]
      for (let i = 0; i < 3; i++) {
        const refused = await dial(server.port)
        await refused.readInfo()
        await refused.expect("-ERR 'maximum connections exceeded'\r\n")
        await refused.expectClose()
      }
      for (const client of clients) await client.sync()
      await clients[1].close()
      const next = await until('a place', () => RawClient.open(server.port).catch(() => undefined))
      await next.sync()
      await next.close()
    })

    test('0 refuses everybody', async () => {
      const server = await ownServer({ workers, maxConnections: 0 })
      const refused = await dial(server.port)
      await refused.readInfo()
      await refused.expect("-ERR 'maximum connections exceeded'\r\n")
      await refused.expectClose()
    })

    test('holds in a storm of connects', async () => {
      const server = await ownServer({ workers, maxConnections: 20 })
      const clients = await Promise.all(Array.from({ length: 60 }, () => dial(server.port)))
      const first = await Promise.all(
        clients.map(async (client) => {
          await client.readInfo()
          client.send('PING\r\n')
          const [text] = await client.expectMatch(/^(?:PONG|-ERR 'maximum connections exceeded')\r\n/)
          return text
        }),
      )
      expect(first.filter((text) => text === 'PONG\r\n')).toHaveLength(20)
    })
  })

  describe('maxSubscriptions 2', () => {
    const running = useServer({ workers, maxSubscriptions: 2 })

    test('a third subscription is refused, the connection stays, and a place that falls free is taken', async () => {
      const client = await dial(running.port)
      await client.readInfo()
      client.send('SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n')
      await client.expect("+OK\r\n+OK\r\n-ERR 'maximum subscriptions exceeded'\r\n")
      client.send('UNSUB 1\r\nSUB c 3\r\nPUB c 1\r\nx\r\nPUB a 1\r\nx\r\n')
      await client.expect('+OK\r\n+OK\r\n+OK\r\nMSG c 3 1\r\nx\r\n+OK\r\n')
    })

    test('is counted for each connection', async () => {
      for (let i = 0; i < 3; i++) {
        const client = await dial(running.port)
        await client.readInfo()
        client.send('SUB a 1\r\nSUB b 2\r\n')
        await client.expect('+OK\r\n+OK\r\n')
      }
    })

    test('a subscription that ended by itself is counted no more', async () => {
      const client = await open(running.port)
      client.send('SUB a 1\r\nUNSUB 1 1\r\nSUB b 2\r\nPUB a 1\r\nx\r\nSUB c 3\r\nPUB c 1\r\ny\r\n')
      await client.expect('MSG a 1 1\r\nx\r\nMSG c 3 1\r\ny\r\n')
    })
  })

  describe('maxSubscriptionTokens 3', () => {
    const running = useServer({ workers, maxSubscriptionTokens: 3 })

    test('three tokens pass, four are refused, the connection stays', async () => {
      const client = await open(running.port)
      client.send('SUB a.b.c 1\r\nSUB a.b.c.d 2\r\nSUB a.*.c.> q 3\r\nPUB a.b.c 1\r\nx\r\nPUB a.b.c.d 1\r\ny\r\n')
      await client.expect(
        '-ERR \'Permissions Violation for Subscription to "a.b.c.d", too many tokens\'\r\n' +
          '-ERR \'Permissions Violation for Subscription to "a.*.c.>", too many tokens\'\r\n' +
          'MSG a.b.c 1 1\r\nx\r\n',
      )
      await client.sync()
    })
  })
})

describe('options that cannot be', () => {
  const bad: [string, ServerOptions, RegExp][] = [
    ['a payload that does not fit max_pending', { maxPayload: 1000, maxPending: 999 }, /max_payload .* max_pending/],
    ['a port that is none', { port: 65536 }, /port/],
    ['a negative number of workers', { workers: -1 }, /workers/],
    ['half a worker', { workers: 1.5 }, /workers/],
    ['a name with blanks', { name: 'a b' }, /server name cannot contain spaces/],
    ['a negative ping interval', { pingInterval: -1 }, /pingInterval/],
    ['more tokens than there are', { maxSubscriptionTokens: 256 }, /maxSubscriptionTokens/],
  ]
  test.each(bad)('are refused with a name: %s', async (_, options, text) => {
    const started = startServer({ workers: 0, ...options })
    await expect(started).rejects.toThrow(OptionError)
    await expect(started).rejects.toThrow(text)
  })
})
