// A server at its limit of open files: it refuses who comes too many, in words, and does all the rest: pages, which load
// code when they are first asked for, a reload, a new log file, and whoever is there.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Descriptors } from '../../src/primary/descriptors.ts'
import { ownFolder, textOf } from '../support/configured.ts'
import { open } from '../support/harness.ts'
import type { RawClient } from '../support/raw-client.ts'
import { Program, ROOT } from '../support/server.ts'
import { until } from '../support/until.ts'

const LIMIT = 160
const COMERS = 2 * LIMIT

async function startLimited(): Promise<{ program: Program; port: number; monitorPort: number; log: string }> {
  const folder = ownFolder()
  mkdirSync(folder, { recursive: true })
  const log = join(folder, 'log')
  const config = join(folder, 'server.conf')
  writeFileSync(config, `listen: "127.0.0.1:-1"\nhttp: "127.0.0.1:-1"\nlog_file: "${log}"\nmax_payload: 1000\n`)
  const serve = `ulimit -n ${LIMIT}; exec "${process.execPath}" "${join(ROOT, 'src/main.ts')}" -c "${config}" --workers 2`
  const program = new Program('/bin/sh', ['-c', serve])
  onTestFinished(() => void program.stop('SIGKILL'))
  await until('the server', () => textOf(log).includes('Server is ready'))
  const portAfter = (what: RegExp): number => Number(what.exec(textOf(log))?.[1])
  return {
    program,
    port: portAfter(/Listening for client connections on \S*:(\d+)/),
    monitorPort: portAfter(/http monitor on \S*:(\d+)/),
    log,
  }
}

/** What a connection is told until it is closed, or has a PONG. */
function comes(port: number): { readonly socket: Socket; readonly outcome: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const outcome = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      if (text.includes('PONG\r\n')) resolve('in')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text.includes("-ERR 'maximum connections exceeded'") ? 'refused' : 'closed'))
    socket.write('CONNECT {"verbose":false}\r\nPING\r\n')
  })
  return { socket, outcome }
}

const status = (port: number, path: string): Promise<unknown> =>
  new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', resolve)
  })

test('a server at its limit refuses who comes too many, and does all the rest', async () => {
  const { program, port, monitorPort, log } = await startLimited()
  const early: RawClient[] = []
  for (let i = 0; i < 5; i++) early.push(await open(port))

  const comers = Array.from({ length: COMERS }, () => comes(port))
  const outcomes = await Promise.all(comers.map(({ outcome }) => outcome))
  const count = (what: string): number => outcomes.filter((one) => one === what).length
  expect(count('in')).toBeGreaterThan(10)
  expect(count('in')).toBeLessThan(LIMIT)
  expect(count('in') + count('refused') + count('closed')).toBe(COMERS)
  expect(textOf(log)).toMatch(/Error accepting connections: too many open files, \d+ refused: 160 may be open/)

  // Each of these loads code or opens a file for the first time.
  for (const client of early) await client.sync()
  for (const path of ['/varz', '/connz?subs=1', '/subsz', '/accountz', '/metrics']) {
    expect([path, await status(monitorPort, path)]).toEqual([path, 200])
  }
  program.child.kill('SIGHUP')
  await until('the reload', () => textOf(log).includes('Reloaded server configuration'))
  renameSync(log, `${log}.1`)
  program.child.kill('SIGUSR1')
  await until('the new log file', () => textOf(log).includes('File log re-opened'))
  for (const client of early) await client.sync()

  // There is room again.
  for (const { socket } of comers) socket.destroy()
  await until('somebody to be let in again', async () => (await comes(port).outcome) === 'in')
  for (const client of early) await client.sync()
  expect(textOf(`${log}.1`) + textOf(log)).not.toMatch(/died|Internal error|EMFILE/)
})

test('so many connections are taken, some of the others are told, the rest closed', () => {
  const lines: string[] = []
  const descriptors = new Descriptors({ error: (line) => lines.push(line) }, 1000)
  expect(descriptors.kept).toBe(64)
  expect([0, 935].map((connections) => descriptors.judge(connections))).toEqual(['take', 'take'])
  const verdicts = Array.from({ length: 40 }, () => descriptors.judge(936))
  expect(verdicts.filter((verdict) => verdict === 'refuse').length).toBeLessThan(20)
  expect(verdicts.at(-1)).toBe('close')
  expect(lines).toEqual([
    'Error accepting connections: too many open files, 1 refused: 1000 may be open, 64 of them are kept for the server',
  ])
  expect(new Descriptors({ error: () => undefined }, Number.POSITIVE_INFINITY).judge(1_000_000)).toBe('take')
})
