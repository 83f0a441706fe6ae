// `write_timeout`, beside nats-server: what becomes of a client that reads nothing for longer than the write deadline.

import { describe, expect, onTestFinished, test } from 'vitest'
import { configuredServers, login, startConfigured } from '../support/configured-servers.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'

/** More than all socket buffers on the way can hold. */
const MESSAGES = 4096
const MESSAGE = `PUB flood 8192\r\n${'x'.repeat(8192)}\r\n`

describe.each(configuredServers('write_timeout'))('$name', (server) => {
  /** A server, and a subscriber that has stopped reading when the flood came. */
  async function stall(
    policy: string,
    deadlineMs = 300,
  ): Promise<{ program: ServerProgram; reader: RawClient; got: () => number }> {
    const program = await startConfigured(server, `write_deadline: "${deadlineMs}ms"\n${policy}`)
    const [publisher, reader] = [await login(program), await login(program)]
    onTestFinished(() => Promise.all([publisher.close(), reader.close()]).then(() => undefined))
    let got = 0
    reader.onMessage = () => {
      got++
    }
    reader.send('SUB flood 1\r\n')
    await reader.sync()
    reader.socket.pause()
    publisher.send(MESSAGE.repeat(MESSAGES))
    await publisher.sync()
    return { program, reader, got: () => got }
  }

  const detected = /Slow Consumer Detected: WriteDeadline of 300ms exceeded with .*\d+ total bytes\.\n/

  test.each(['', 'write_timeout: default', 'write_timeout: close'])('%s: it is closed', async (policy) => {
    const { program, reader } = await stall(policy)
    await program.until(detected)
    reader.socket.resume()
    await until('the close', () => reader.isClosed)
    expect(program.stderr).not.toContain('Slow Consumer State')
  })

  test('retry: it is kept, and gets everything when it reads again', async () => {
    // Long enough for this process to read again within it, however busy the machine is.
    const { program, reader, got } = await stall('write_timeout: retry', 3000)
    await program.until(/Slow Consumer Detected: WriteDeadline of 3s exceeded/)
    reader.socket.resume()
    await until('all messages', () => got() === MESSAGES)
    await reader.sync()
    await program.until(/Slow Consumer Recovered: Flush took \d+\.\d{3}s/)
  })

  test('retry: it is closed all the same if it takes nothing more', async () => {
    const { program, reader, got } = await stall('debug: true\nwrite_timeout: retry')
    await program.until(/Slow Consumer State: WriteDeadline of 300ms exceeded with .*\d+ total bytes\.\n/)
    await program.until(/Client connection closed: Slow Consumer \(Write Deadline\)/)
    reader.socket.resume()
    await until('the close', () => reader.isClosed)
    expect(got()).toBeLessThan(MESSAGES)
  })
})
