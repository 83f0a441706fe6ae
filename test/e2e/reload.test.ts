// Reload from outside: what may change is in force at once for those who are connected, everything else refuses the
// whole reload (docs/reference/reload-and-signals.md, "Reload"). SIGHUP to a process, or reload() of an embedded
// server.

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { OptionError, type OptionsChange } from '../../src/index.ts'
import { configured, ownFolder, textOf } from '../support/configured.ts'
import { dial, open, openInTurn, ownPrimary, ownServer } from '../support/harness.ts'
import { monitorPage } from '../support/monitor-page.ts'
import type { RawClient } from '../support/raw-client.ts'
import { total } from '../support/server.ts'
import { Listener, settle, Talker } from '../support/streams.ts'
import { until } from '../support/until.ts'

const DONE = 'Reloaded server configuration'
const infoOf = async (client: RawClient): Promise<Record<string, unknown>> =>
  JSON.parse((await client.expectMatch(/^INFO (\{[^\r]*\}) \r\n/))[1])

describe.each([0, 2])('a reload with %i workers', (workers) => {
  test('max_payload holds for those who are connected, also for lines that they repeat', async () => {
    const { port, reload, program } = await configured({ workers, maxPayload: 100 })
    const [grown, shrunk] = [await open(port, { protocol: 1 }), await open(port, { protocol: 1 })]
    const send = (client: RawClient, size: number): void => client.send(`PUB a ${size}\r\n${'x'.repeat(size)}\r\n`)
    send(shrunk, 60)
    await shrunk.sync()
    expect(await reload({ workers, maxPayload: 200 })).toBe(DONE)
    expect((await infoOf(grown)).max_payload).toBe(200)
    await infoOf(shrunk)
    send(grown, 150)
    await grown.sync()
    expect(await reload({ workers, maxPayload: 50 })).toBe(DONE)
    expect((await infoOf(shrunk)).max_payload).toBe(50)
    send(shrunk, 60)
    await shrunk.expect("-ERR 'Maximum Payload Violation'\r\n")
    expect(program.stderr).toContain('Reloaded: max_payload = 200\n')
    await program.until(/maximum payload exceeded: 60 vs 50\n/)
  })

  test('a message that is half here when max_payload shrinks is let through whole', async () => {
    const server = await ownServer({ workers, maxPayload: 1000 })
    const client = await open(server.port)
    client.send('SUB a 1\r\n')
    await client.sync()
    // The PONG says that what came with the PING has been read.
    client.send(`PING\r\nPUB a 600\r\n${'x'.repeat(300)}`)
    await client.expect('PONG\r\n')
    await server.reload({ host: '127.0.0.1', port: -1, workers, maxPayload: 500 })
    client.send(`${'x'.repeat(300)}\r\n`)
    await client.expect(`MSG a 1 600\r\n${'x'.repeat(600)}\r\n`)
    client.send(`PUB a 600\r\n${'x'.repeat(600)}\r\n`)
    await client.expect("-ERR 'Maximum Payload Violation'\r\n")
  })

  test('max_control_line grows far beyond what the read buffers were made for, and shrinks', async () => {
    const server = await ownServer({ workers })
    const client = await open(server.port)
    const base = { host: '127.0.0.1', port: -1, workers }
    await server.reload({ ...base, maxControlLine: 300_000 })
    const subject = `a.${'b'.repeat(250_000)}`
    // In pieces, so that a long beginning has to be kept.
    const line = `SUB ${subject} 7\r\n`
    for (let at = 0; at < line.length; at += 50_000) {
      client.send(line.slice(at, at + 50_000))
      await new Promise(setImmediate)
    }
    await client.sync()
    client.send(`PUB ${subject} 2\r\nhi\r\n`)
    await client.expect(`MSG ${subject} 7 2\r\nhi\r\n`)
    await server.reload({ ...base, maxControlLine: 100 })
    client.send(`SUB ${'c'.repeat(200)} 8\r\n`)
    await client.expect("-ERR 'maximum control line exceeded'\r\n")
  })

  test('max_connections closes those who are too many, whoever they are, and lets others in again', async () => {
    const { port, reload, program } = await configured({ workers })
    const clients = await Promise.all(Array.from({ length: 10 }, () => open(port)))
    expect(await reload({ workers, maxConnections: 4 })).toBe(DONE)
    expect(program.stderr).toContain('Closed 6 connections to fall within max_connections\n')
    await until('six to be closed', () => clients.filter((client) => client.isClosed).length >= 6)
    const left = clients.filter((client) => !client.isClosed)
    for (const client of left) await client.sync()
    expect(left).toHaveLength(4)
    expect(await reload({ workers, maxConnections: 100 })).toBe(DONE)
    await (await open(port)).sync()
  })

  test('debug and trace begin and end for those who are connected', async () => {
    const { port, reload, program } = await configured({ workers })
    const client = await open(port)
    client.send('SUB before 1\r\n')
    await client.sync()
    await reload({ workers, debug: true, trace: true })
    client.send('SUB during 2\r\n')
    await client.sync()
    await program.until(/<<- \[SUB during 2\]/)
    await reload({ workers })
    client.send('SUB after 3\r\n')
    await client.sync()
    await reload({ workers, pingMax: 3 })
    expect(program.stderr).not.toMatch(/SUB before|SUB after/)
    expect(program.stderr).toMatch(/Reloaded: trace = true\n.*Reloaded: debug = true\n/)
  })

  test('ping_interval and ping_max: a quiet client is asked by the new interval, and cut by the new count', async () => {
    const { port, reload, program } = await configured({ workers })
    const client = await open(port, {}, { keepPings: true })
    await reload({ workers, pingInterval: 40, pingMax: 1 })
    expect(program.stderr).toMatch(/Reloaded: ping_interval = 40ms\n.*Reloaded: ping_max = 1\n/)
    await client.expect("PING\r\n-ERR 'Stale Connection'\r\n")
  })

  test('write_deadline: a client that takes nothing is cut by the new one', async () => {
    const { port, reload, program } = await configured({ workers, writeDeadline: 600_000 })
    const [stuck, publisher] = [await open(port), await open(port)]
    stuck.send('SUB a 1\r\n')
    await stuck.sync()
    stuck.socket.pause()
    publisher.send(`PUB a 100000\r\n${'x'.repeat(100_000)}\r\n`.repeat(150))
    await publisher.sync()
    await reload({ workers, writeDeadline: 100 })
    await program.until(/Slow Consumer Detected: WriteDeadline of 100ms exceeded/)
  })

  test('no_fast_producer_stall: publishers are held back for a reader who has fallen behind, or not', async () => {
    const base = { host: '127.0.0.1', port: -1, workers }
    const primary = await ownPrimary({ workers })
    // Both on one shard, which counts those that it holds back.
    const clients = await openInTurn(primary.port, workers, 1 + Math.max(1, workers))
    const [publisher, slow] = [clients[0], clients[clients.length - 1]]
    slow.send('SUB a 1\r\n')
    await slow.sync()
    slow.socket.pause()
    const publish = async (): Promise<number> => {
      publisher.send(`PUB a 100000\r\n${'x'.repeat(100_000)}\r\n`.repeat(100))
      await publisher.sync()
      return total(primary, 'stalls')
    }
    await primary.reload(normaliseOptions({ ...base, noFastProducerStall: true }))
    for (let i = 0; i < 3; i++) expect(await publish()).toBe(0)
    await primary.reload(normaliseOptions(base))
    slow.onMessage = () => undefined
    // Nobody is held for the sake of a reader who takes nothing at all: it catches up each time.
    await until('a stall', async () => {
      slow.socket.resume()
      await slow.sync()
      slow.socket.pause()
      return (await publish()) > 0
    })
  })

  test('client_advertise is told to clients of later, and to those who understand it now', async () => {
    const { port, reload, program } = await configured({ workers })
    const client = await open(port, { protocol: 1 })
    await reload({ workers, clientAdvertise: 'example.com:7000' })
    expect(await infoOf(client)).toMatchObject({ host: 'example.com', port: 7000 })
    expect((await open(port)).info).toMatchObject({ host: 'example.com', port: 7000 })
    await reload({ workers, clientAdvertise: 'example.com' })
    expect(await infoOf(client)).toMatchObject({ host: 'example.com', port })
    expect(program.stderr).toContain('Reload: client_advertise = example.com:7000\n')
  })

  test('pid_file and ports_file_dir move', async () => {
    const folder = ownFolder()
    const first = ownFolder()
    const second = ownFolder()
    const { reload, program } = await configured({ workers, portsFileDir: first }, true, folder)
    expect(readdirSync(first)).toHaveLength(1)
    await reload({ workers, portsFileDir: second, pidFile: join(folder, 'pid') })
    expect([readdirSync(first), readdirSync(second)]).toEqual([[], [`nats-server_${program.child.pid}.ports`]])
    expect(textOf(join(folder, 'pid'))).toBe(String(program.child.pid))
    await program.stop()
    expect(readdirSync(second)).toEqual([])
  })

  test('log_file, logtime and logtime_utc move every thread’s lines', async () => {
    const folder = ownFolder()
    const logFile = join(folder, 'moved.log')
    const { port, program } = await configured({ workers, trace: true }, true, folder)
    const clients = await Promise.all([open(port), open(port)])
    const options = { host: '127.0.0.1', port: -1, log: 'stderr', workers, trace: true, logFile, logTime: false }
    writeFileSync(join(folder, 'options.json'), JSON.stringify(options))
    program.child.kill('SIGHUP')
    await until('the reload to be over', () => textOf(logFile).includes(DONE))
    const before = program.stderr
    for (const [i, client] of clients.entries()) {
      client.send(`PUB moved.${i} 0\r\n\r\n`)
      await client.sync()
      expect(textOf(logFile)).toMatch(new RegExp(`^\\[\\d+\\] \\[TRC\\] .*\\[PUB moved\\.${i} 0\\]$`, 'm'))
    }
    expect(program.stderr).toBe(before)
  })

  test('tags, metadata and the time of loading stand in /varz', async () => {
    const { port, reload, program } = await configured({ workers, monitorPort: -1, serverTags: ['a'] })
    const [, monitorPort] = await program.until(/Starting http monitor on \S*:(\d+)/)
    const varz = async (): Promise<Record<string, unknown>> =>
      JSON.parse((await monitorPage(Number(monitorPort), '/varz')).text)
    const before = await varz()
    await reload({ workers, monitorPort: -1, serverTags: ['b'], serverMetadata: { rack: '7' } })
    const after = await varz()
    expect(before).toMatchObject({ tags: ['a'] })
    expect(after).toMatchObject({ tags: ['b'], metadata: { rack: '7' }, port })
    expect(after.config_load_time).not.toBe(before.config_load_time)
  })

  test.each([
    [{ maxPending: 2 ** 21 }, 'MaxPending: old=67108864, new=2097152'],
    [{ name: 'other' }, 'ServerName: old=, new=other'],
    [{ maxSubscriptions: 5 }, 'MaxSubs: old=0, new=5'],
    [{ lameDuckDuration: 60_000 }, 'LameDuckDuration: old=2m0s, new=1m0s'],
    [{ host: '::1' }, 'Host: old=127.0.0.1, new=::1'],
  ])('%j is refused as a whole', async (change, words) => {
    const { port, reload, program } = await configured({ workers })
    const client = await open(port)
    const outcome = await reload({ workers, maxPayload: 10, ...change })
    expect(outcome).toBe(`Failed to reload server configuration: config reload not supported for ${words}`)
    client.send('PUB a 20\r\n01234567890123456789\r\n')
    await client.sync()
    expect(program.stderr).not.toContain('Reloaded: max_payload')
  })

  test('bad options, an unreadable log file, and a broken file harm nothing', async () => {
    const { port, reload, program, folder } = await configured({ workers })
    const client = await open(port)
    expect(await reload({ workers, pingMax: -1 })).toMatch(/^Failed to reload .*pingMax must be a whole number/)
    expect(await reload({ workers, logFile: '/no/such/folder/log', pingMax: 3 })).toMatch(
      /^Failed to reload .*error opening file: open \/no\/such\/folder\/log: no such file or directory$/,
    )
    writeFileSync(join(folder, 'options.json'), '{ broken')
    program.child.kill('SIGHUP')
    await program.until(/Failed to reload server configuration: .*JSON/)
    await client.sync()
    expect(await reload({ workers, pingMax: 3 })).toBe(DONE)
  })

  test('no message is lost, doubled or out of order while the options change again and again', async () => {
    const server = await ownServer({ workers })
    const clients = await openInTurn(server.port, workers, 8)
    const talkers = clients.slice(0, 4).map((client) => new Talker(client))
    const listeners: Listener[] = []
    for (const [i, client] of clients.slice(4).entries()) {
      listeners.push(await Listener.start(client, `listener ${i}`, talkers))
    }
    let busy = true
    const load = (async () => {
      while (busy) {
        for (const talker of talkers) talker.publish(200)
        await talkers[0].client.sync()
        await new Promise(setImmediate)
      }
    })()
    for (let i = 0; i < 60; i++) {
      await server.reload({
        host: '127.0.0.1',
        port: -1,
        workers,
        maxPayload: 1000 + (i % 3) * 1000,
        maxControlLine: 1024 << (i % 4),
        pingInterval: 1000 + (i % 5) * 1000,
        writeDeadline: 5000 + (i % 2) * 5000,
        noFastProducerStall: i % 2 === 0,
        maxConnections: 100 + i,
        trace: false,
        debug: i % 2 === 0,
      })
    }
    busy = false
    await load
    expect(await settle(listeners, talkers)).toEqual([])
    for (const client of clients) expect(client.isClosed).toBe(false)
  })

  test('reload() takes a change: what is left out stays, and null brings back a default', async () => {
    const server = await ownServer({ workers, maxPayload: 100, maxControlLine: 200 })
    const payload = async (): Promise<unknown> => (await open(server.port)).info?.max_payload
    await server.reload({ maxControlLine: 300 })
    expect(await payload()).toBe(100)
    await server.reload({ maxPayload: null })
    expect(await payload()).toBe(1024 * 1024)
    await Promise.all([server.reload({ maxPayload: 50 }), server.reload({ debug: true }), server.reload({})])
    expect(await payload()).toBe(50)
  })

  test.each<[unknown, string]>([
    [{ name: 'x' }, 'config reload not supported for ServerName: old=, new=x'],
    [{ maxPayload: -1 }, 'maxPayload must be a whole number from 0 to 2147483647, not -1'],
    [{ maxPaylod: 1 }, 'unknown option "maxPaylod"; did you mean "maxPayload"?'],
    [
      { maxPayload: undefined },
      'maxPayload must not be undefined: leave it out to keep it, or give null for its default',
    ],
    [null, 'a change of options must be a plain object, not null'],
  ])('a change that is refused changes nothing: %j', async (change, text) => {
    const server = await ownServer({ workers, maxPayload: 100 })
    await expect(server.reload(change as OptionsChange)).rejects.toThrow(new OptionError(text))
    await server.reload({})
    expect((await open(server.port)).info?.max_payload).toBe(100)
  })

  test('a change of a block is merged member by member; a list is replaced, and null removes a member', async () => {
    const server = await ownServer({
      workers,
      accounts: { A: { users: [{ user: 'a', password: 'p' }] }, B: { users: [{ user: 'b', password: 'p' }] } },
    })
    const welcome = async (user: string): Promise<boolean> => {
      const client = await dial(server.port)
      await client.readInfo()
      client.send(`CONNECT ${JSON.stringify({ verbose: false, user, pass: 'p' })}\r\nPING\r\n`)
      return (await client.expectMatch(/PONG\r\n|-ERR .*\r\n/))[0] === 'PONG\r\n'
    }
    const all = async (): Promise<string> => {
      let names = ''
      for (const user of ['a', 'b', 'c']) if (await welcome(user)) names += user
      return names
    }
    expect(await all()).toBe('ab')
    await server.reload({ accounts: { A: { users: [{ user: 'c', password: 'p' }] } } })
    expect(await all()).toBe('bc')
    await server.reload({ accounts: { B: null } })
    expect(await all()).toBe('c')
  })
})
