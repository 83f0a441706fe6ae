// src/node.sh bench/jetstream-store.ts [--seconds N] [--messages N]: file stores without a network, beside the floor of
// the same machine: a write and an fdatasync of as many bytes. Rates are messages a second; medians are of turns, a
// turn being what is appended and waited for at a time.

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { blockWork } from '../src/jetstream/storage/block-work.ts'
import { systemDisk } from '../src/jetstream/storage/disk.ts'
import { type FileStore, openFileStore } from '../src/jetstream/storage/file-store.ts'
import { OpenFiles } from '../src/jetstream/storage/open-files.ts'
import { PageCache } from '../src/jetstream/storage/page-cache.ts'
import { ALL } from '../src/jetstream/storage/subject-filter.ts'
import { Random } from '../test/support/random.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    messages: { type: 'string', default: '1000000' },
  },
})
const spanMs = Number(values.seconds) * 1000
const messages = Number(values.messages)
const NONE = Buffer.alloc(0)
const SUBJECT = Buffer.from('bench.subject')
/** What a record has besides the payload. */
const RECORD_BYTES = 32 + SUBJECT.length
const MIB = 1024 * 1024

interface Rate {
  readonly rate: number
  /** Processor time of the process, microseconds a message. */
  readonly cpuUs: number
  readonly medianMs: number
}

const print = (line: string): unknown => process.stdout.write(`${line}\n`)
const text = ({ rate, cpuUs, medianMs }: Rate): string =>
  `${rate.toFixed(0).padStart(9)}/s  ${cpuUs.toFixed(2).padStart(7)} µs  ${medianMs.toFixed(3).padStart(7)} ms`

/** Turns of `count` messages for the span. */
async function measure(count: number, turn: () => unknown): Promise<Rate> {
  const turns: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  let now = start
  while (now - start < spanMs) {
    await turn()
    const end = performance.now()
    turns.push(end - now)
    now = end
  }
  const { user, system } = process.cpuUsage(cpu)
  const done = turns.length * count
  const medianMs = turns.sort((a, b) => a - b)[turns.length >> 1]
  return { rate: (done / (now - start)) * 1000, cpuUs: (user + system) / done, medianMs }
}

async function within<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-bench-'))
  try {
    return await act(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Opens a store; `onDurable` is called when something became durable. */
async function open(folder: string, isSynced: boolean, onDurable = (): void => {}): Promise<FileStore> {
  const fail = (what: unknown): never => {
    throw new Error(JSON.stringify(what))
  }
  const host = {
    disk: systemDisk,
    files: new OpenFiles(systemDisk, 64),
    cache: new PageCache(64 * MIB),
    work: blockWork,
    bugMet: fail,
  }
  const settings = {
    folder,
    isCompressed: false,
    safety: isSynced ? 'synced' : 'written',
    syncIntervalMs: 120_000,
    blockBytes: 8 * MIB,
  } as const
  const owner = {
    becameDurable: () => onDurable(),
    failed: (_first: number, _last: number, failure: unknown) => fail(failure),
    lost: fail,
    trouble: fail,
    recovered() {},
  }
  return (await openFileStore(host, settings, owner)).store
}

function floor(count: number, payloadBytes: number): Promise<Rate> {
  return within(async (folder) => {
    const fd = openSync(join(folder, 'floor'), 'w')
    const bytes = Buffer.alloc(count * (RECORD_BYTES + payloadBytes), 1)
    try {
      return await measure(count, () => {
        writeSync(fd, bytes)
        fdatasyncSync(fd)
      })
    } finally {
      closeSync(fd)
    }
  })
}

function store(count: number, payloadBytes: number, isSynced: boolean): Promise<Rate> {
  return within(async (folder) => {
    let wake = (): void => {}
    const own = await open(folder, isSynced, () => wake())
    const payload = Buffer.alloc(payloadBytes, 1)
    const rate = await measure(count, async () => {
      const durable = new Promise<void>((resolve) => {
        wake = resolve
      })
      for (let i = 0; i < count; i++) own.append(1, SUBJECT, NONE, payload)
      await durable
    })
    await own.abandon()
    return rate
  })
}

async function timed<T>(what: string, act: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await act()
  print(`${what.padEnd(58)}${(performance.now() - start).toFixed(0).padStart(7)} ms`)
  return result
}

/** A store of many messages on so many subjects, opened again and read. */
function large(subjects: number): Promise<void> {
  return within(async (folder) => {
    print(`\n${messages} messages of 128 bytes on ${subjects} subjects`)
    const first = await open(folder, false)
    const payload = Buffer.alloc(128, 1)
    await timed('append all of them, unsynced, and flush', async () => {
      for (let i = 0; i < messages; i++) {
        first.append(i, Buffer.from(`bench.${i % subjects}`), NONE, payload)
        if (i % 256 === 255) await new Promise((resolve) => setImmediate(resolve))
      }
      await first.flush()
    })
    // Summaries are written beside everything else.
    while (first.unsealedBlocks > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    await first.close()
    const own = await timed('start', () => open(folder, false))
    print(`${'index'.padEnd(58)}${(own.indexBytes / MIB).toFixed(1).padStart(7)} MiB`)
    const random = new Random(1)
    const gets = 50_000
    await timed(`${gets} random messages, one after the other`, async () => {
      for (let i = 0; i < gets; i++) await own.load(1 + random.below(messages))
    })
    await timed('all in order', async () => {
      for (let seq = own.next(ALL, 1); seq > 0; seq = own.next(ALL, seq + 1)) {
        const message = own.load(seq)
        if (message instanceof Promise) await message
      }
    })
    await own.close()
  })
}

print(
  'payload  a turn                       floor                             synced                           unsynced',
)
for (const payloadBytes of [128, 4096]) {
  for (const count of [1, 16, 256]) {
    const rates = [
      await floor(count, payloadBytes),
      await store(count, payloadBytes, true),
      await store(count, payloadBytes, false),
    ]
    print(`${String(payloadBytes).padStart(7)}  ${String(count).padStart(6)}  ${rates.map(text).join('  ')}`)
  }
}
await large(10)
await large(messages)
