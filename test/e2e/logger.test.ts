// The logger of an embedding program: createServer({ logger }).

import { Console } from 'node:console'
import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createServer, type EmbeddedOptions, type HeddleServer, type Logger, OptionError } from '../../src/index.ts'
import { open } from '../support/harness.ts'
import { until } from '../support/until.ts'

/** As pino's, its functions need their object. */
class Lines implements Logger {
  readonly lines: string[] = []

  private add(level: string, line: string): void {
    this.lines.push(`${level} ${line}`)
  }
  debug(line: string): void {
    this.add('debug', line)
  }
  info(line: string): void {
    this.add('info', line)
  }
  warn(line: string): void {
    this.add('warn', line)
  }
  error(line: string): void {
    this.add('error', line)
  }
}

describe.each([0, 2])('with %i workers', (workers) => {
  async function start(options: EmbeddedOptions): Promise<HeddleServer> {
    const server = createServer({ port: 0, workers, ...options })
    onTestFinished(() => server.close())
    await server.ready()
    return server
  }

  test('gets the lines of every thread, by their levels and without time and process', async () => {
    const logger = new Lines()
    const { lines } = logger
    const server = await start({ logger, debug: true, trace: true })
    const clients = [await open(server.port), await open(server.port)]
    for (const client of clients) {
      client.send('SUB a 1\r\n')
      await client.sync()
      const label = `127.0.0.1:${client.socket.localPort} - cid:${client.info?.client_id}`
      await until('the lines of a client', () => lines.some((line) => line.startsWith(`debug ${label} - `)))
      await until('its trace', () =>
        lines.some((line) => line.startsWith(`debug ${label} - `) && line.includes('<<- [SUB a 1]')),
      )
      client.send('NONSENSE\r\n')
      await until('its error', () => lines.some((line) => line.startsWith(`error ${label} - `)))
    }
    expect(lines).toContain('info Server is ready')
    await server.reload({ debug: false, trace: false })
    await server.close()
    expect(lines.at(-1)).toBe('info Server Exiting..')
    for (const line of lines) expect(line).toMatch(/^(?:debug|info|warn|error) [^[\n]/)
  })

  test('may be a console', async () => {
    const stream = new PassThrough().setEncoding('utf8')
    const server = await start({ logger: new Console(stream, stream) })
    await server.close()
    expect(stream.read()).toMatch(/^Starting nats-server\n(?:.*\n)*Server is ready\n/)
  })

  test('that throws, rejects or never answers changes nothing', async () => {
    for (const act of [
      () => {
        throw new Error('a test makes the logger throw')
      },
      () => Promise.reject(new Error('a test makes the logger reject')),
      () => new Promise(() => undefined),
    ]) {
      const server = await start({ logger: { debug: act, info: act, warn: act, error: act }, debug: true })
      const client = await open(server.port)
      await client.sync()
      await server.close()
    }
  })
})

test.each<[EmbeddedOptions, string]>([
  [{ logger: {} as Logger }, 'logger must be an object with a function debug()'],
  [{ logger: null as unknown as Logger }, 'logger must be an object with a function debug()'],
  [{ logger: undefined as unknown as Logger }, 'logger must be an object with a function debug()'],
  [{ logger: console, log: 'stderr' }, 'logger and log cannot be used together'],
  [{ logger: console, logFile: '/tmp/x' }, 'logger and logFile cannot be used together'],
  [{ log: 'program' as 'none' }, 'log must be stderr or none, not program'],
])('%j is refused', (options, text) => {
  expect(() => createServer(options)).toThrow(new OptionError(text))
})

test('cannot be changed while the server runs', async () => {
  const server = createServer({ port: 0, workers: 0, logger: new Lines() })
  onTestFinished(() => server.close())
  await server.ready()
  for (const logger of [new Lines(), null]) {
    await expect(server.reload({ logger })).rejects.toThrow('logger cannot be changed while the server runs')
  }
  const silent = createServer({ port: 0, workers: 0 })
  onTestFinished(() => silent.close())
  await silent.ready()
  await expect(silent.reload({ logger: console })).rejects.toThrow('logger cannot be changed')
})
