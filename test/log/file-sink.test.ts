import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { FileSink } from '../../src/log/file-sink.ts'
import { Log } from '../../src/log/log.ts'
import type { LogOptions } from '../../src/log/log-options.ts'
import type { LogMessage } from '../../src/log/sink.ts'
import { ownFolder, textOf } from '../support/configured.ts'

const BACKUP = /^server\.log\.\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d\.\d{9}$/

function optionsFor(folder: string, members: Partial<LogOptions> = {}): LogOptions {
  return { ...normaliseOptions({ log: 'stderr', logFile: join(folder, 'server.log') }), ...members }
}

const place = (opened = new SharedArrayBuffer(4)) => ({ name: 'primary', opened })
const linesOf = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => textOf(join(folder, name)).trimEnd().split('\n'))

test('a file too large is put aside under the time of day, and the new one says so', () => {
  const folder = ownFolder()
  const log = new Log(optionsFor(folder, { logSizeLimit: 1000 }), place())
  for (let i = 0; i < 60; i++) log.info(`line ${i} of many`)
  const backups = readdirSync(folder).filter((name) => name !== 'server.log')
  expect(backups.length).toBeGreaterThan(2)
  for (const backup of backups) {
    expect(backup).toMatch(BACKUP)
    expect(statSync(join(folder, backup)).size).toBeGreaterThan(1000)
    expect(statSync(join(folder, backup)).size).toBeLessThan(1200)
  }
  const young = readFileSync(join(folder, 'server.log'), 'utf8')
  expect(young).toMatch(/^\[\d+\] .* \[INF\] Rotated log, backup saved as ".*server\.log\.\d{4}/)
  expect(statSync(join(folder, 'server.log')).mode & 0o777).toBe(0o640)
  const lines = linesOf(folder)
  for (let i = 0; i < 60; i++) expect(lines.filter((line) => line.endsWith(`line ${i} of many`))).toHaveLength(1)
})

test('only so many files are kept, and nothing else is touched', () => {
  const folder = ownFolder()
  const others = ['server.log.old', 'server.logs', 'server.log.2026.11.21', 'other']
  for (const name of others) writeFileSync(join(folder, name), 'keep')
  mkdirSync(join(folder, 'server.log.2020.01.01.00.00.00.000000001'))
  writeFileSync(join(folder, 'server.log.2020.01.01.00.00.00.000000002'), 'oldest')
  const log = new Log(optionsFor(folder, { logSizeLimit: 500, logMaxNum: 3 }), place())
  for (let i = 0; i < 100; i++) log.info(`line ${i} of many`)
  const left = readdirSync(folder)
  for (const name of others) expect(left).toContain(name)
  expect(left).toContain('server.log.2020.01.01.00.00.00.000000001')
  expect(left).not.toContain('server.log.2020.01.01.00.00.00.000000002')
  expect(left.filter((name) => BACKUP.test(name) && !name.includes('2020'))).toHaveLength(2)
  expect(textOf(join(folder, 'server.log'))).toContain('Purged log file "server.log.')
})

test('a file that is there already is written on', () => {
  const folder = ownFolder()
  writeFileSync(join(folder, 'server.log'), 'before\n')
  const log = new Log(optionsFor(folder), place())
  log.info('after')
  expect(textOf(join(folder, 'server.log'))).toMatch(/^before\n\[\d+\] .* \[INF\] after\n$/)
})

test('a file that cannot be opened is told with its reason', () => {
  expect(() => new Log(optionsFor('/no/such/folder'), place())).toThrow(
    'error opening file: open /no/such/folder/server.log: no such file or directory',
  )
})

test('a folder that is taken away does not end the server: the old file goes on', () => {
  const folder = ownFolder()
  const inner = join(folder, 'inner')
  mkdirSync(inner)
  const log = new Log(optionsFor(inner), place())
  renameSync(inner, join(folder, 'moved'))
  log.reopen()
  log.info('still here')
  const text = textOf(join(folder, 'moved', 'server.log'))
  expect(text).toContain('[ERR] error opening file: open')
  expect(text).toMatch(/still here\n$/)
})

test('a file that cannot be put aside is tried again, by the word of any shard', () => {
  const outer = ownFolder()
  const folder = join(outer, 'logs')
  mkdirSync(folder)
  const opened = new SharedArrayBuffer(4)
  const options = optionsFor(folder, { logSizeLimit: 500 })
  let nowMs = 0
  const clock = (): number => nowMs
  const primary = new FileSink(options, place(opened), clock)
  const tell = (message: LogMessage): void => {
    if (message.kind === 'logFull') primary.rotate()
  }
  const shards = [0, 1].map((index) => new FileSink(options, { name: `shard ${index}`, opened, tell }, clock))
  const sayAll = (): void => {
    for (const shard of shards) for (let i = 0; i < 30; i++) shard.write('info', `line ${i} of a shard\n`)
  }
  renameSync(folder, join(outer, 'away'))
  sayAll()
  const text = textOf(join(outer, 'away', 'server.log'))
  expect(text.match(/\[ERR\] Unable to rotate the log \(.*\), will attempt next rotation in 1s/g)).toHaveLength(1)
  // The folder is as it was, and the shards alone write.
  renameSync(join(outer, 'away'), folder)
  nowMs += 5_000
  sayAll()
  expect(readdirSync(folder).filter((name) => BACKUP.test(name)).length).toBeGreaterThan(0)
  for (let round = 0; round < 20; round++) sayAll()
  expect(statSync(join(folder, 'server.log')).size).toBeLessThan(1_000)
})

test('a file that was moved away with its folder is made anew when the folder is there again', () => {
  const folder = ownFolder()
  const inner = join(folder, 'inner')
  mkdirSync(inner)
  let nowMs = 0
  const sink = new FileSink(optionsFor(inner, { logSizeLimit: 500 }), place(), () => nowMs)
  const sayAll = (): void => {
    for (let i = 0; i < 60; i++) sink.write('info', `line ${i} of many\n`)
  }
  renameSync(inner, join(folder, 'moved'))
  sayAll()
  expect(readdirSync(folder)).toEqual(['moved'])
  expect(textOf(join(folder, 'moved', 'server.log'))).toContain('will attempt next rotation in 1s')
  mkdirSync(inner)
  nowMs += 2_000
  sayAll()
  expect(readdirSync(inner)).toContain('server.log')
})

test('waits longer after each failure, up to a minute', () => {
  const folder = ownFolder()
  const inner = join(folder, 'inner')
  mkdirSync(inner)
  let nowMs = 0
  const sink = new FileSink(optionsFor(inner, { logSizeLimit: 100 }), place(), () => nowMs)
  renameSync(inner, join(folder, 'moved'))
  for (; nowMs < 10 * 60_000; nowMs += 500) sink.write('info', 'a line\n')
  const waits = textOf(join(folder, 'moved', 'server.log')).match(/(?<=next rotation in )\d+s/g)
  expect(waits?.slice(0, 8)).toEqual(['1s', '2s', '4s', '8s', '16s', '32s', '60s', '60s'])
})

test.skipIf(!existsSync('/dev/full'))('lines that the disk does not take are counted, and the next one says so', () => {
  const folder = ownFolder()
  const path = join(folder, 'server.log')
  symlinkSync('/dev/full', path)
  const sink = new FileSink(optionsFor(folder), place())
  for (let i = 0; i < 3; i++) sink.write('info', `line ${i}\n`)
  unlinkSync(path)
  sink.reopen()
  sink.write('info', 'line 3\n')
  expect(textOf(path)).toMatch(/\[WRN\] 3 lines of the log are missing here: write: no space left on device\nline 3\n$/)
})

test('a shard asks the primary once to put the file aside, and follows it', () => {
  const folder = ownFolder()
  const opened = new SharedArrayBuffer(4)
  const options = optionsFor(folder, { logSizeLimit: 500 })
  const told: LogMessage[] = []
  const primary = new Log(options, place(opened))
  const shard = new Log(options, { name: 'shard 0', opened, tell: (message) => told.push(message) })
  for (let i = 0; i < 30; i++) shard.info(`line ${i}`)
  expect(told).toEqual([{ kind: 'logFull' }])
  primary.rotate()
  primary.rotate() // another shard had seen it too
  shard.info('young')
  expect(readdirSync(folder)).toHaveLength(2)
  expect(textOf(join(folder, 'server.log'))).toMatch(/Rotated log[^\n]*\n[^\n]*\[INF\] young\n$/)
})

test('lines of several threads are whole and none is missing, while the file is put aside again and again', async () => {
  const folder = ownFolder()
  const opened = new SharedArrayBuffer(4)
  const options = optionsFor(folder, { logSizeLimit: 20_000 })
  const primary = new Log(options, place(opened))
  const writer = new URL('../support/log-writer.ts', import.meta.url)
  const lines = 2000
  await Promise.all(
    ['a', 'b', 'c'].map(
      (name) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(writer, { workerData: { name, options, opened, lines } })
          worker.on('message', () => primary.rotate())
          worker.once('error', reject)
          worker.once('exit', () => resolve())
        }),
    ),
  )
  expect(readdirSync(folder).length).toBeGreaterThan(3)
  const all = linesOf(folder)
  for (const line of all) expect(line).toMatch(/^\[\d+\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] \S/)
  for (const name of ['a', 'b', 'c']) {
    const numbers = all.flatMap((line) => new RegExp(`\\] ${name} (\\d+) x+$`).exec(line)?.[1] ?? [])
    expect(new Set(numbers).size).toBe(lines)
    expect(numbers).toHaveLength(lines)
  }
})
