// createServer() inside another program.

import { createServer as createTcpServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createServer, OptionError } from '../../src/index.ts'
import { open, ownServer } from '../support/harness.ts'
import { Program, ROOT } from '../support/server.ts'

describe.each([0, 2])('an embedded server with %i workers', (workers) => {
  test('tells its port, url and id', async () => {
    const server = await ownServer({ workers })
    expect(server.port).toBeGreaterThan(0)
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`)
    expect(server.monitorPort).toBeUndefined()
    const client = await open(server.port)
    expect(client.info?.server_id).toBe(server.id)
  })

  test('ready() rejects if the port is taken, and close() is fine after that', async () => {
    const holder = createTcpServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise((resolve) => holder.close(() => resolve())))
    const { port } = holder.address() as { port: number }
    const server = createServer({ host: '127.0.0.1', port, workers })
    await expect(server.ready()).rejects.toThrow(/EADDRINUSE/)
    await server.close()
  })

  test('ready() rejects if another of our servers has the port', async () => {
    const first = await ownServer({ workers })
    const second = createServer({ host: '127.0.0.1', port: first.port, workers })
    await expect(second.ready()).rejects.toThrow(/EADDRINUSE/)
    const client = await open(first.port)
    await client.sync()
    await second.close()
    await client.sync()
  })

  test('several servers in one process know nothing of each other', async () => {
    const servers = await Promise.all([
      ownServer({ workers, name: 'a' }),
      ownServer({ workers, name: 'b' }),
      ownServer({ workers: 0, name: 'c' }),
    ])
    expect(new Set(servers.map(({ port }) => port)).size).toBe(3)
    expect(new Set(servers.map(({ id }) => id)).size).toBe(3)
    const clients = await Promise.all(servers.map(({ port }) => open(port)))
    for (const client of clients) client.send('SUB > 1\r\n')
    for (const client of clients) await client.sync()
    for (const [i, client] of clients.entries()) {
      client.send(`PUB from.${i} 1\r\n${i}\r\n`)
      await client.expect(`MSG from.${i} 1 1\r\n${i}\r\n`)
    }
    for (const client of clients) await client.sync()
    await servers[0].close()
    await clients[0].expectClose()
    for (const client of clients.slice(1)) await client.sync()
  })

  test('close() closes every connection, ends every thread, and may be called again', async () => {
    const server = await ownServer({ workers })
    const clients = await Promise.all(Array.from({ length: 5 }, () => open(server.port)))
    const closed = Promise.all([server.close(), server.close()])
    for (const client of clients) await client.expectClose()
    await closed
    await server.close()
    await expect(open(server.port)).rejects.toThrow('ECONNREFUSED')
  })

  test('close() right after createServer() is fine', async () => {
    const server = createServer({ host: '127.0.0.1', port: -1, workers })
    await server.close()
    await expect(open(server.port)).rejects.toThrow()
  })

  test('a port is free again after close()', async () => {
    const first = await ownServer({ workers })
    const { port } = first
    const client = await open(port)
    await first.close()
    await client.expectClose()
    const second = await ownServer({ workers, port })
    expect(second.port).toBe(port)
    await (await open(port)).sync()
  })

  test('a program that has closed its server ends by itself', async () => {
    const source = `
      import { createServer } from './src/index.ts'
      import { connect } from 'node:net'
      const server = createServer({ host: '127.0.0.1', port: -1, workers: ${workers}, monitorPort: -1 })
      await server.ready()
      const socket = connect(server.port, '127.0.0.1')
      await new Promise((resolve) => socket.once('data', resolve))
      socket.write('SUB a 1\\r\\nPUB a 1\\r\\nx\\r\\n')
      await new Promise((resolve) => socket.once('data', resolve))
      await server.close()
      process.stdout.write('closed')
    `
    const program = new Program(process.execPath, ['--input-type=module-typescript', '-e', source], process.env, ROOT)
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    expect(program.stdout).toBe('closed')
    expect(program.stderr).toBe('')
  })
})

test('bad options throw at once', () => {
  expect(() => createServer({ workers: -1 })).toThrow(OptionError)
  expect(() => createServer({ port: 70_000 })).toThrow(OptionError)
})

test('by default nothing is written to stderr or stdout', async () => {
  const source = `
    import { createServer } from './src/index.ts'
    const server = createServer({ host: '127.0.0.1', port: -1, workers: 1, debug: true, trace: true })
    await server.ready()
    await server.close()
  `
  const program = new Program(process.execPath, ['--input-type=module-typescript', '-e', source], process.env, ROOT)
  expect(await program.exit()).toEqual({ code: 0, signal: null })
  expect(program.stdout + program.stderr).toBe('')
})
