// The small files that a server leaves for others, and what programs rely on that start one (docs/reference/logging.md,
// "Files for other programs").

import { spawn } from 'node:child_process'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../monitor/http.ts'
import { configured, ownFolder, textOf } from '../support/configured.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { open } from '../support/harness.ts'
import { ROOT, runCommand, ServerProgram, startCommand } from '../support/server.ts'
import { until } from '../support/until.ts'

describe.each([0, 2])('a server with %i workers', (workers) => {
  test('writes its process id, digits only, and leaves the file behind', async () => {
    const folder = ownFolder()
    const pidFile = join(folder, 'pid')
    const { program } = await configured({ workers, pidFile }, true, folder)
    expect(textOf(pidFile)).toBe(String(program.child.pid))
    expect(statSync(pidFile).mode & 0o777).toBe(0o600)
    await program.stop()
    expect(textOf(pidFile)).toBe(String(program.child.pid))
  })

  test('writes its ports, and removes the file when it ends', async () => {
    const portsFileDir = ownFolder()
    const { program, port } = await configured({ workers, portsFileDir, monitorPort: -1 })
    const [, monitorPort] = await program.until(/Starting http monitor on \S*:(\d+)/)
    const name = `nats-server_${program.child.pid}.ports`
    expect(textOf(join(portsFileDir, name))).toBe(
      `{"nats":["nats://127.0.0.1:${port}"],"monitoring":["http://127.0.0.1:${monitorPort}"]}`,
    )
    await program.stop('SIGTERM')
    expect(readdirSync(portsFileDir)).toEqual([])
  })

  test('names the port for HTTP and the Unix socket in them, where there are any', async () => {
    const folder = ownFolder()
    const unixSocket = join(folder, 'socket')
    const config = join(folder, 'server.conf')
    writeFileSync(config, 'http_gateway { listen: "127.0.0.1:-1", no_tls: true }')
    const flags = ['--workers', `${workers}`, '-m', '-1', '--ports_file_dir', folder, '--unix_socket', unixSocket]
    const program = await startCommand([...flags, '-c', config])
    onTestFinished(async () => void (await program.stop()))
    const [, httpPort] = await program.until(/Listening for HTTP clients on \S*:(\d+)/)
    const [, monitorPort] = await program.until(/Starting http monitor on \S*:(\d+)/)
    expect(JSON.parse(textOf(join(folder, `nats-server_${program.child.pid}.ports`)))).toEqual({
      nats: [`nats://127.0.0.1:${program.port}`],
      http: [`http://127.0.0.1:${httpPort}`],
      monitoring: [`http://127.0.0.1:${monitorPort}`],
      unix: [`unix:${unixSocket}`],
    })
    expect(JSON.parse((await ask(Number(monitorPort), '/varz')).body).heddle).toMatchObject({
      unix_socket: unixSocket,
      http_gateway: { host: '127.0.0.1', port: Number(httpPort), tls_required: false },
    })
  })

  test('listening everywhere, it names every address of the machine, IPv4 first, and is reached at each', async () => {
    const portsFileDir = ownFolder()
    const { program, port } = await configured({ workers, portsFileDir, host: '0.0.0.0' })
    const { nats } = JSON.parse(textOf(join(portsFileDir, `nats-server_${program.child.pid}.ports`)))
    expect(nats[0]).toBe(`nats://127.0.0.1:${port}`)
    const families = nats.map((url: string) => (url.includes('[') ? 6 : 4))
    expect(families).toEqual([...families].sort())
    const local = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
    for (const host of local.filter(({ internal }) => internal).map(({ address }) => address)) {
      const client = await open(port, {}, { host })
      expect(client.info).toMatchObject({ host: '0.0.0.0', client_ip: host })
      // Alone, it has no other address to offer: those of this machine may not be reached from where the client is.
      expect(client.info).not.toHaveProperty('connect_urls')
    }
  })
})

test.each(configuredServers('the ports file'))(
  '$name: the ports file has where routes and WebSockets are taken, each at its own address',
  async (server) => {
    const folder = ownFolder()
    const program = await startConfigured(
      server,
      `listen: "0.0.0.0:-1", ports_file_dir: "${folder}"
      cluster { name: c, listen: "127.0.0.1:-1", advertise: "192.0.2.1:6222" }
      websocket { listen: "127.0.0.1:-1", no_tls: true }`,
    )
    const [, routePort] = await program.until(/Listening for route connections on \S*:(\d+)/)
    const [, webSocketPort] = await program.until(/Listening for websocket clients on \S*:(\d+)/)
    const file = join(folder, `nats-server_${program.child.pid}.ports`)
    expect(JSON.parse(await until('the ports file', () => textOf(file) || undefined))).toEqual({
      nats: expect.arrayContaining([`nats://127.0.0.1:${program.port}`]),
      cluster: [`nats://127.0.0.1:${routePort}`],
      websocket: [`ws://127.0.0.1:${webSocketPort}`],
    })
  },
)

test('a pid file that cannot be written ends it, a ports file only is named in the log', async () => {
  const { program } = await configured({ workers: 2, pidFile: '/no/such/folder/pid' }, false)
  expect(await program.exit()).toEqual({ code: 1, signal: null })
  const reason = 'Could not write pidfile: open /no/such/folder/pid: no such file or directory'
  expect(program.stderr).toContain(`[FTL] ${reason}\n`)
  expect(program.stderr).not.toContain(`nats-server: ${reason}`) // once is enough
  const other = await configured({ workers: 2, portsFileDir: '/no/such/folder' })
  await other.program.until(/\[ERR\] Error writing ports file \(\/no\/such\/folder\/nats-server_\d+\.ports\): open/)
  await other.program.stop()
})

test('a port that is taken ends it with the words of nats-server', async () => {
  const { port } = await configured({ workers: 0 })
  const program = runCommand(['-a', '127.0.0.1', '-p', String(port)])
  expect(await program.exit()).toEqual({ code: 1, signal: null })
  const at = `127.0.0.1:${port}`
  const reason = `Error listening on port: ${at}, "listen tcp ${at}: bind: address already in use"`
  expect(program.stderr).toContain(`[FTL] ${reason}`)
  expect(program.stderr.split(reason)).toHaveLength(2) // told once
})

describe('started by a script that puts it in its place', () => {
  async function script(): Promise<ServerProgram> {
    const file = join(ownFolder(), 'nats-server')
    writeFileSync(file, `#!/bin/sh\nexec "${join(ROOT, 'src', 'heddle.sh')}" "$@"\n`)
    chmodSync(file, 0o755)
    const program = new ServerProgram(file, ['-a', '127.0.0.1', '-p', '-1', '--workers', '2'])
    onTestFinished(() => void program.stop('SIGKILL'))
    await program.untilReady()
    return program
  }

  test('the process that was started is the server', async () => {
    const program = await script()
    expect(program.stderr).toContain(`[${program.child.pid}] `)
    await (await open(program.port)).sync()
    for (const [signal, line] of [
      ['SIGUSR1', /Trapped "user defined signal 1" signal\n.*File log re-open ignored/],
      ['SIGHUP', /Trapped "hangup" signal\n.*Failed to reload server configuration: can only reload config when/],
    ] as const) {
      program.child.kill(signal)
      await program.until(line)
    }
    expect(await program.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  test('SIGKILL ends it whole', async () => {
    const program = await script()
    expect(await program.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    await expect(open(program.port)).rejects.toThrow('ECONNREFUSED')
  })
})

test('who connects before the shards are ready is served when they are', async () => {
  const holder = await configured({ workers: 0 })
  await holder.program.stop()
  // A port that is free now: connects are tried from the start.
  const program = spawn(process.execPath, [join(ROOT, 'src', 'main.ts'), '-a', '127.0.0.1', '-p', String(holder.port)])
  onTestFinished(() => void program.kill('SIGKILL'))
  program.stderr.resume()
  const connectEarly = async (): Promise<void> => {
    for (;;) {
      try {
        await (await open(holder.port)).sync()
        return
      } catch (error) {
        if (!(error instanceof Error) || !error.message.includes('ECONNREFUSED')) throw error
      }
    }
  }
  await Promise.all([connectEarly(), connectEarly(), connectEarly()])
})
