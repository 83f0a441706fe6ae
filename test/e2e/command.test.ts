// The command: flags, signals, exit codes (docs/reference/command-line.md). Each server is a process of its own.

import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open, openInTurn } from '../support/harness.ts'
import { runCommand, type ServerProgram, startCommand } from '../support/server.ts'

async function command(...args: string[]): Promise<ServerProgram> {
  const program = await startCommand(args)
  onTestFinished(() => void program.stop('SIGKILL'))
  return program
}

describe('the command', () => {
  test.each(['-v', '--version', '-version', 'version'])('%s tells the version and ends well', async (flag) => {
    const program = runCommand([flag])
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    expect(program.stdout).toMatch(/^nats-server: v\d+\.\d+\.\d+/)
    expect(program.stderr).toBe('')
  })

  test.each(['-h', '--help', 'help'])('%s tells the usage and ends well', async (flag) => {
    const program = runCommand([flag])
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    for (const word of ['Usage:', '--addr', '--port', '--http_port', '--workers', '--name']) {
      expect(program.stdout).toContain(word)
    }
  })

  test('an unknown flag is named on stderr, the usage follows on stdout, and the exit code is 0', async () => {
    const program = runCommand(['--nonsense'])
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    expect(program.stderr).toContain('flag provided but not defined: -nonsense')
    expect(program.stdout).toContain('Usage:')
  })

  test('a flag without its value is named', async () => {
    const program = runCommand(['-p'])
    expect(await program.exit()).toEqual({ code: 0, signal: null })
    expect(program.stderr).toContain('flag needs an argument: -p')
  })

  test('a bad option ends it with exit code 1 and a reason', async () => {
    const program = runCommand(['-n', 'two words'])
    expect(await program.exit()).toEqual({ code: 1, signal: null })
    expect(program.stderr).toContain('nats-server: server name cannot contain spaces')
  })

  test('-a, -p, --name and --workers are taken, with one dash or two, after a blank or =', async () => {
    for (const flags of [
      ['-name=loom', '--workers', '2'],
      ['--server_name', 'loom', '-workers=0'],
      ['-n', 'loom', '--workers=1', '--port=-1', '--addr', '127.0.0.1'],
    ]) {
      const program = await command(...flags)
      const client = await open(program.port)
      expect(client.info).toMatchObject({ server_name: 'loom', host: '127.0.0.1', port: program.port })
      client.send('SUB a 1\r\nPUB a 2\r\nhi\r\n')
      await client.expect('MSG a 1 2\r\nhi\r\n')
      await client.close()
      await program.stop()
    }
  })

  test('a flag given twice counts the second time', async () => {
    const program = await command('--name', 'one', '--name', 'two', '--workers', '0')
    expect((await open(program.port)).info).toMatchObject({ server_name: 'two' })
  })

  test('-m serves the monitoring pages', async () => {
    const program = await command('-m', '-1', '--workers', '0')
    const [, port] = await program.until(/Starting http monitor on 127\.0\.0\.1:(\d+)/)
    const response = await fetch(`http://127.0.0.1:${port}/varz`, { signal: AbortSignal.timeout(5000) })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ port: program.port })
  })

  test('says on stderr what it is, where it listens, and that it is ready', async () => {
    const program = await command('--name', 'loom', '--workers', '1')
    expect(program.stdout).toBe('')
    const lines = program.stderr.trimEnd().split('\n')
    for (const line of lines) {
      expect(line).toMatch(/^\[\d+\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] /)
    }
    expect(lines.map((line) => line.replace(/^.*\[INF\] /, ''))).toEqual([
      'Starting nats-server',
      expect.stringMatching(/^ {2}Version: /),
      '  Name:     loom',
      expect.stringMatching(/^ {2}ID: {7}N[A-Z2-7]{55}$/),
      expect.stringMatching(/^ {2}Shards: {3}1 \(\d+ processors?, see --workers\)$/),
      `Listening for client connections on 127.0.0.1:${program.port}`,
      'Server is ready',
    ])
  })

  test('-D tells of connections, -V of every operation', async () => {
    const program = await command('-DV', '--workers', '1')
    const client = await open(program.port)
    client.send('SUB foo 1\r\nPUB foo 2\r\nhi\r\n')
    await client.expect('MSG foo 1 2\r\nhi\r\n')
    await program.until(/\[DBG\] 127\.0\.0\.1:\d+ - cid:1 - Client connection created/)
    await program.until(/\[TRC\] 127\.0\.0\.1:\d+ - cid:1 - <<- \[CONNECT \{"verbose":false/)
    await program.until(/\[TRC\] .* - <<- \[SUB foo 1\]/)
    await program.until(/\[TRC\] .* - <<- \[PUB foo 2\]/)
    await program.until(/\[TRC\] .* - <<- MSG_PAYLOAD: \["hi"\]/)
    await program.until(/\[TRC\] .* - ->> \[PONG\]/)
  })

  test('a port that is taken ends it with exit code 1 and a reason, told once', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise((resolve) => holder.close(() => resolve())))
    const { port } = holder.address() as { port: number }
    const ports = [
      ['-p', `${port}`],
      ['-p', '-1', '-m', `${port}`],
    ]
    for (const args of ports.flatMap((each) => ['0', '2'].map((workers) => [...each, '--workers', workers]))) {
      const program = runCommand(['-a', '127.0.0.1', ...args])
      expect(await program.exit()).toEqual({ code: 1, signal: null })
      const lines = `${program.stdout}${program.stderr}`.split('\n').filter((line) => line.includes(`:${port}`))
      expect(lines).toEqual([expect.stringMatching(/\[FTL\] .*address already in use/)])
    }
  })
})

describe.each(['0', '1', '3'])('shutdown of the command with %s workers', (workers) => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s closes every connection and ends with exit code 0', async (signal) => {
    const program = await command('--workers', workers)
    const clients = await Promise.all(Array.from({ length: 7 }, () => open(program.port)))
    for (const client of clients) client.send('SUB a 1\r\n')
    for (const client of clients) await client.sync()
    const exit = program.stop(signal)
    for (const client of clients) await client.expectClose()
    expect(await exit).toEqual({ code: 0, signal: null })
    expect(program.stderr).toContain('Initiating Shutdown...')
    expect(program.stderr).toContain('Server Exiting..')
    await expect(open(program.port)).rejects.toThrow('ECONNREFUSED')
  })

  test('what is queued for a client still reaches it', async () => {
    const program = await command('--workers', workers)
    const shards = Math.max(1, Number(workers))
    const clients = await openInTurn(program.port, Number(workers), 2 * shards)
    const [receiver, publisher, beside] = [clients[0], clients[1], clients[shards]]
    receiver.send('SUB bulk 1\r\n')
    beside.send('SUB end 1\r\n')
    await receiver.sync()
    await beside.sync()
    let got = 0
    receiver.onMessage = () => {
      got++
    }
    receiver.socket.pause()
    // More than the socket buffers hold. The message behind it says that all of it is queued on the receiver's shard.
    const message = `PUB bulk 10000\r\n${'x'.repeat(10_000)}\r\n`
    publisher.send(message.repeat(1600), 'PUB end 0\r\n\r\n')
    await beside.expect('MSG end 1 0\r\n\r\n')
    const exit = program.stop('SIGTERM')
    await beside.expectClose()
    receiver.socket.resume()
    await receiver.expectClose()
    expect(got).toBe(1600)
    expect((await exit).code).toBe(0)
  })

  test('a client that does not read does not keep it from ending', async () => {
    const program = await command('--workers', workers)
    const [publisher, stuck] = [await open(program.port), await open(program.port)]
    stuck.send('SUB a 1\r\n')
    await stuck.sync()
    stuck.socket.pause()
    publisher.send(`PUB a 100000\r\n${'x'.repeat(100_000)}\r\n`.repeat(200))
    await publisher.sync()
    const exit = await program.stop('SIGINT')
    expect(exit).toEqual({ code: 0, signal: null })
  })

  test('a second signal does no harm', async () => {
    const program = await command('--workers', workers)
    const client = await open(program.port)
    program.child.kill('SIGTERM')
    program.child.kill('SIGINT')
    await client.expectClose()
    expect(await program.exit()).toEqual({ code: 0, signal: null })
  })
})
