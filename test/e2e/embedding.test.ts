// createServer() inside another program.

import { connect, createServer as createTcpServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createServer, OptionError, ServerStateError } from '../../src/index.ts'
import { open, ownServer } from '../support/harness.ts'
import { Program, ROOT } from '../support/server.ts'

/** An address of this machine that others can reach; undefined if it has none. */
function addressOfThisMachine(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address
}

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = (reached: boolean): void => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => settle(true)).once('error', () => settle(false))
  })
}

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
    const server = createServer({ port, workers })
    const error = await server.ready().then(undefined, (reason: unknown) => reason)
    expect(error).toMatchObject({
      message: `Error listening on port: 127.0.0.1:${port}, "listen tcp 127.0.0.1:${port}: bind: address already in use" (EADDRINUSE)`,
      code: 'EADDRINUSE',
      cause: { code: 'EADDRINUSE', syscall: 'listen', port },
    })
    await server.close()
    expect(() => server.url).toThrow(expect.objectContaining({ code: 'CLOSED' }))
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
    const { port } = server
    const clients = await Promise.all(Array.from({ length: 5 }, () => open(port)))
    const closed = Promise.all([server.close(), server.close()])
    for (const client of clients) await client.expectClose()
    await closed
    await server.close()
    await expect(open(port)).rejects.toThrow('ECONNREFUSED')
  })

  test('close() right after createServer() is fine', async () => {
    const server = createServer({ port: 0, workers })
    await server.close()
    await expect(server.ready()).resolves.toBeUndefined()
  })

  test('ports and url are known from ready() to close(), and a ServerStateError says so', async () => {
    const server = createServer({ port: 0, workers, monitorPort: 0, websocket: { port: 0, noTls: true } })
    const members = ['port', 'monitorPort', 'webSocketPort', 'url'] as const
    for (const member of members) {
      expect(() => server[member]).toThrow(ServerStateError)
      expect(() => server[member]).toThrow(
        expect.objectContaining({
          code: 'NOT_READY',
          message: `the server is not ready: await server.ready() before its ${member}`,
        }),
      )
    }
    await server.ready()
    expect(new Set(members.map((member) => server[member])).size).toBe(4)
    const closed = server.close()
    for (const member of members) {
      expect(() => server[member]).toThrow(
        expect.objectContaining({ code: 'CLOSED', message: `the server is closed: it has no ${member}` }),
      )
    }
    await closed
    expect(() => server.url).toThrow(ServerStateError)
  })

  test('port 0 is a free one, as -1 is, and the host is localhost', async () => {
    const server = createServer({ port: 0, workers, monitorPort: 0, websocket: { port: 0, noTls: true } })
    onTestFinished(() => server.close())
    await server.ready()
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`)
    await (await open(server.port)).sync()
    const ports = [server.port, server.monitorPort ?? 0, server.webSocketPort ?? 0]
    const elsewhere = addressOfThisMachine()
    for (const port of ports) {
      expect(port).toBeGreaterThan(0)
      expect(await reaches('127.0.0.1', port)).toBe(true)
      if (elsewhere !== undefined) expect(await reaches(elsewhere, port)).toBe(false)
    }
  })

  test('`await using` closes it', async () => {
    let port: number
    {
      await using server = createServer({ port: 0, workers })
      await server.ready()
      port = server.port
      await (await open(port)).sync()
    }
    await expect(open(port)).rejects.toThrow('ECONNREFUSED')
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
