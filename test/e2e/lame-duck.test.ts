// Lame duck mode from outside (docs/reference/reload-and-signals.md, "Lame duck mode").

import { describe, expect, test } from 'vitest'
import { configured } from '../support/configured.ts'
import { dial, open, ownServer } from '../support/harness.ts'
import { monitorPage } from '../support/monitor-page.ts'

const SHORT = { lameDuckDuration: 400, lameDuckGracePeriod: 50 }
const LONG = { lameDuckDuration: 600_000, lameDuckGracePeriod: 300_000 }

describe.each([0, 1, 3])('lame duck mode with %i workers', (workers) => {
  test('says so to those who understand it, closes everybody, and ends the program with exit code 0', async () => {
    const { program, port } = await configured({ workers, ...SHORT })
    const aware = await Promise.all(Array.from({ length: 6 }, () => open(port, { protocol: 1 })))
    const unaware = await open(port, { protocol: 0 })
    const stranger = await dial(port)
    await stranger.readInfo()
    program.child.kill('SIGUSR2')
    for (const client of aware) {
      const [, json] = await client.expectMatch(/^INFO (\{[^\r]*\}) \r\n/)
      expect(JSON.parse(json)).toMatchObject({ ldm: true, server_id: client.info?.server_id })
    }
    for (const client of [...aware, unaware, stranger]) await client.expectClose()
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    const lines = program.stderr.split('\n').map((line) => line.replace(/^.*\[INF\] /, ''))
    expect(lines.slice(-7, -1)).toEqual([
      'Server is ready',
      'Trapped "user defined signal 2" signal',
      'Entering lame duck mode, stop accepting new clients',
      'Closing existing clients',
      'Initiating Shutdown...',
      'Server Exiting..',
    ])
  })

  test('nobody new is let in, but those who are there are served during the grace period', async () => {
    const { program, port } = await configured({ workers, ...LONG })
    const [one, other] = [await open(port), await open(port)]
    program.child.kill('SIGUSR2')
    await program.until(/Entering lame duck mode/)
    await expect(open(port)).rejects.toThrow('ECONNREFUSED')
    one.send('SUB a 1\r\n')
    await one.sync()
    other.send('PUB a 2\r\nhi\r\n')
    await one.expect('MSG a 1 2\r\nhi\r\n')
  })

  test('SIGTERM and a second SIGUSR2 change nothing, SIGINT ends it at once', async () => {
    const { program, port } = await configured({ workers, ...LONG })
    const client = await open(port)
    program.child.kill('SIGUSR2')
    await program.until(/Entering lame duck mode/)
    program.child.kill('SIGTERM')
    await program.until(/Trapped "terminated" signal/)
    program.child.kill('SIGUSR2')
    await program.until(/Trapped "terminated" signal\n.*Trapped "user defined signal 2" signal/)
    await client.sync()
    expect(await program.stop('SIGINT')).toEqual({ code: 0, signal: null })
    await client.expectClose()
    expect(program.stderr.match(/Entering lame duck mode/g)).toHaveLength(1)
    expect(program.stderr).not.toContain('Closing existing clients')
  })

  test('without clients it ends at once', async () => {
    const { program } = await configured({ workers, ...LONG })
    expect(await program.stop('SIGUSR2')).toEqual({ code: 0, signal: null })
  })

  test('lameDuck() of an embedded server resolves when it has ended; close() hurries it', async () => {
    const server = await ownServer({ workers, ...SHORT })
    const client = await open(server.port)
    await server.lameDuck()
    await client.expectClose()
    const slow = await ownServer({ workers, ...LONG })
    await open(slow.port)
    const ended = slow.lameDuck()
    await slow.close()
    await ended
  })
})

test('/healthz says that clients should not be sent here any more', async () => {
  const server = await ownServer({ workers: 2, monitorPort: -1, ...LONG })
  const client = await open(server.port)
  expect((await monitorPage(server.monitorPort, '/healthz')).status).toBe(200)
  void server.lameDuck()
  const { status, text } = await monitorPage(server.monitorPort, '/healthz')
  expect(status).toBe(500)
  expect(text).toContain('failed to be ready for connections')
  await client.sync()
})
