// What a reload refuses, in the words of the real nats-server: one server of each kind is told the same changes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { diffOptions } from '../../src/config/changes.ts'
import { blockReader } from '../../src/config/file.ts'
import { parseFlags, type RunCommand } from '../../src/config/flags.ts'
import { load } from '../../src/config/load.ts'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { readFile } from '../../src/config/surroundings.ts'
import { missing, peers } from '../support/peers.ts'
import { ServerProgram } from '../support/server.ts'
import { reloadOver, surroundingsIn } from './support.ts'

const BASE = 'listen: "127.0.0.1:-1"\nserver_name: loom\n'

const REFUSED: readonly (readonly [before: string, after: string])[] = [
  ['', 'max_pending: 32mb'],
  ['', 'max_subs: 5'],
  ['', 'max_sub_tokens: 5'],
  ['', 'lame_duck_duration: "1m"'],
  ['', 'lame_duck_grace_period: "1s"'],
  ['', 'max_closed_clients: 5'],
  ['', 'no_header_support: true'],
  ['', 'disable_sublist_cache: true'],
  ['', 'logfile_size_limit: 1mb'],
  ['', 'logfile_max_num: 3'],
  ['', 'write_timeout: retry'],
  ['', 'allow_non_tls: true'],
  ['', 'proxy_protocol: true'],
  ['', 'http_base_path: "/x"'],
  ['', 'prof_port: 6060'],
  ['', 'server_name: other'],
  ['', 'no_system_account: true'],
  ['max_subs: 5', 'max_subs: 6'],
]

/** Applied without a refusal. */
const TAKEN: readonly string[] = [
  'debug: true',
  'trace: true',
  'logtime: false',
  'logtime_utc: true',
  'max_connections: 5',
  'max_control_line: 1kb',
  'max_payload: 1kb',
  'ping_interval: "5s"',
  'ping_max: 5',
  'write_deadline: "5s"',
  'no_fast_producer_stall: true',
  'client_advertise: "a:1"',
  'server_tags: [ a ]',
  'server_metadata { a: b }',
  'max_traced_msg_len: 5',
  'connect_error_reports: 5',
  'reconnect_error_reports: 5',
  'prof_block_rate: 1',
]

const command = parseFlags(['-c', 'x.conf']) as RunCommand

/** What Heddle says to a change of its file; `taken` if it takes it. */
async function ours(before: string, after: string): Promise<string> {
  const inFolder = (text: string) => ({ ...surroundingsIn(''), readFile: () => text })
  const start = await load(command, inFolder(BASE + before))
  if ('refused' in start) expect.fail(start.refused)
  const result = await reloadOver(start.options, command, inFolder(BASE + after))
  return 'refused' in result ? result.refused : 'taken'
}

test.each(TAKEN)('%s is taken', async (after) => {
  expect(await ours('', after)).toBe('taken')
  expect(await ours(after, '')).toBe('taken')
})

test('a port that may be any stays what it is, another is refused', () => {
  const free = normaliseOptions({ port: -1 })
  const some = normaliseOptions({ port: 4333 })
  expect(diffOptions(some, free)).toEqual({ changes: [], refusal: undefined })
  expect(diffOptions(some, normaliseOptions({ port: 4334 })).refusal).toBe(
    'config reload not supported for Port: old=4333, new=4334',
  )
})

test('of several, the one is named that nats-server names', () => {
  const before = normaliseOptions({ maxPending: 2 ** 26, maxSubscriptions: 1 })
  const after = normaliseOptions({ maxPending: 2 ** 27, maxSubscriptions: 2 })
  expect(diffOptions(before, after).refusal).toBe('config reload not supported for MaxSubs: old=1, new=2')
})

describe.skipIf(missing('natsServer', 'reloads beside nats-server'))('beside nats-server', () => {
  /** What nats-server logs of a change of its file. */
  async function theirs(before: string, after: string): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'x.conf')
    writeFileSync(file, BASE + before)
    const program = new ServerProgram(peers.natsServer as string, ['-c', file])
    onTestFinished(() => void program.stop('SIGKILL'))
    await program.until(/Server is ready/)
    writeFileSync(file, BASE + after)
    program.child.kill('SIGHUP')
    const [, refusal] = await program.until(
      /Failed to reload server configuration: (.*)\n|Reloaded server configuration/,
    )
    return refusal ?? 'taken'
  }

  test.each(REFUSED)('%j to %j is refused', async (before, after) => {
    const refusal = await theirs(before, after)
    expect(refusal).toContain('not supported')
    expect(await ours(before, after)).toBe(refusal)
  })

  test.each(TAKEN)('%s is taken', async (after) => {
    expect(await theirs('', after)).toBe('taken')
  })
})

describe('streams', () => {
  const on = (jetstream: object) => normaliseOptions({ port: 4333, jetstream }, blockReader(readFile))

  test('bounds may grow, and other limits may change', () => {
    const [some, more] = [
      on({ maxMem: 10, maxFile: 10 }),
      on({ maxMem: 20, maxFile: 10, limits: { maxAckPending: 5 } }),
    ]
    expect(diffOptions(some, more)).toEqual({ changes: ['jetstream'], refusal: undefined })
    expect(diffOptions(more, some).refusal).toBe(
      'config reload not supported for decreasing jetstream max memory and store',
    )
  })

  test('their folder, their domain, and whether there are any stay as they are', () => {
    const some = on({ storeDir: '/a' })
    expect(diffOptions(some, on({ storeDir: '/b' })).refusal).toBe(
      'config reload not supported for jetstream storage directory',
    )
    expect(diffOptions(some, on({ storeDir: '/a', domain: 'hub' })).refusal).toMatch(/jetstream settings other than/)
    expect(diffOptions(some, normaliseOptions({ port: 4333 })).refusal).toMatch(/switching jetstream on or off/)
  })
})
