// Who says what becomes of a receiver that falls behind: its user, or else its account, or else the server; and what
// the log and the pages tell of it.

import { describe, expect, test } from 'vitest'
import { askJson } from '../monitor/http.ts'
import { HEDDLES, login, startReloadable } from '../support/configured-servers.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'

const PAYLOAD = 'x'.repeat(10_000)
const ROUND = `PUB flood ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`.repeat(50)

const config = (top: string, account: string, user: string): string => `
  http: "127.0.0.1:-1"
  max_pending: 2mb
  ${top}
  accounts {
    A {
      users: [ { user: a, password: a, ${user} }, { user: b, password: b } ]
      ${account}
    }
  }`

interface Connection {
  readonly cid: number
  readonly dropped_msgs?: number
  readonly policy?: string
}

interface Watched {
  readonly slow: RawClient
  readonly fate: 'disconnect' | 'drop'
}

/** The port of the monitoring pages. */
async function monitorPort(program: ServerProgram): Promise<number> {
  const [, port] = await program.until(/Starting http monitor on \S*:(\d+)/)
  return Number(port)
}

/** Lets user a fall behind; resolves with what becomes of it. */
async function fallBehind(program: ServerProgram): Promise<Watched> {
  const slow = await login(program, { user: 'a', pass: 'a', name: 'sleepy' })
  const publisher = await login(program, { user: 'b', pass: 'b' })
  slow.send('SUB flood 1\r\n')
  await slow.sync()
  slow.socket.pause()
  const from = program.stderr.length
  const fate = await until('what becomes of it', async () => {
    publisher.send(ROUND)
    await publisher.sync()
    const log = program.stderr.slice(from)
    if (/\[WRN\].* - Slow Consumer Detected: MaxPending of 2097152 Exceeded, drops \w+ messages/.test(log))
      return 'drop'
    if (/Slow Consumer Detected: MaxPending of 2097152 Exceeded\n/.test(log)) return 'disconnect'
    return undefined
  })
  await publisher.close()
  return { slow, fate }
}

describe.each(HEDDLES)('$name', (heddle) => {
  test('the nearest word counts, and a reload changes it', async () => {
    const { program, reload } = await startReloadable(heddle, config('', '', ''))
    const fate = async (...words: [string, string, string]): Promise<string> => {
      const log = await reload(config(...words))
      expect(log).toContain('Reloaded server configuration')
      const watched = await fallBehind(program)
      await watched.slow.close()
      return watched.fate
    }
    expect(await fate('debug: true', '', '')).toBe('disconnect')
    expect(await fate('slow_consumer: drop_oldest', '', '')).toBe('drop')
    expect(await fate('slow_consumer: drop_oldest', 'slow_consumer: disconnect', '')).toBe('disconnect')
    expect(await fate('', 'slow_consumer: disconnect', 'slow_consumer: drop_newest')).toBe('drop')
  })

  test('a reload changes it for those who are there', async () => {
    const { program, reload } = await startReloadable(heddle, config('slow_consumer: drop_newest', '', ''))
    const { slow, fate } = await fallBehind(program)
    expect(fate).toBe('drop')
    await reload(config('slow_consumer: disconnect', '', ''))
    const publisher = await login(program, { user: 'b', pass: 'b' })
    await until('it to be cut', async () => {
      publisher.send(ROUND)
      await publisher.sync()
      return program.stderr.includes('MaxPending of 2097152 Exceeded\n')
    })
    slow.socket.resume()
    await slow.readToClose()
  })

  test('the pages count what was dropped', async () => {
    const { program } = await startReloadable(heddle, config('', '', 'slow_consumer: drop_oldest'))
    const port = await monitorPort(program)
    await fallBehind(program)
    const { connections } = await askJson<{ connections: Connection[] }>(port, '/connz')
    const dropped = connections.find(({ dropped_msgs }) => dropped_msgs !== undefined)?.dropped_msgs ?? 0
    expect(dropped).toBeGreaterThan(0)
    const slowz = await until('it to be seen', async () => {
      const page = await askJson<{ dropped_msgs: number; behind: Connection[] }>(port, '/slowz')
      return page.behind.length > 0 && page
    })
    expect(slowz).toMatchObject({
      slow_consumers: 0,
      dropped_msgs: dropped,
      behind: [{ policy: 'drop_oldest', dropped_msgs: dropped }],
    })
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(metrics).toContain(`heddle_account_dropped_messages_total{account="A"} ${dropped}\n`)
    expect(metrics).toMatch(
      new RegExp(`heddle_connection_dropped_messages_total\\{[^}]*name="sleepy"[^}]*\\} ${dropped}\n`),
    )
    const shards = [...metrics.matchAll(/^heddle_dropped_messages_total\{[^}]*\} (\d+)$/gm)]
    expect(shards.reduce((sum, [, value]) => sum + Number(value), 0)).toBe(dropped)
  })

  test('another word is a mistake', async () => {
    const { program, reload } = await startReloadable(heddle, config('', '', ''))
    expect(await reload(config('', 'slow_consumer: drop', ''))).toContain(
      'Expected slow_consumer to be one of "disconnect", "drop_oldest", "drop_newest", got drop',
    )
    expect(await reload(config('slow_consumer: drop', '', ''))).toContain('slow_consumer')
    expect(program.hasEnded).toBe(false)
  })
})
