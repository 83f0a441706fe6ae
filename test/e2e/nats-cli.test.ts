// The `nats` command's own benchmarks, with small counts: what matters here is that every message arrives. Each
// subscriber of `bench sub` waits for all messages, and each request for its answer; the server's counters must agree.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Primary } from '../../src/primary/primary.ts'
import { ownPrimary } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { connections, Program, ROOT, total } from '../support/server.ts'
import { until } from '../support/until.ts'

describe.skipIf(missing('nats', 'the benchmarks of the nats command'))('nats bench', () => {
  let scratch = ''
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'heddle-nats-'))
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  function bench(primary: Primary, ...args: string[]): Program {
    const url = `nats://127.0.0.1:${primary.identity.port}`
    const flags = ['--no-context', '-s', url, 'bench', ...args, '--no-progress']
    const program = new Program(peers.nats as string, flags, { ...process.env, XDG_CONFIG_HOME: scratch }, ROOT)
    onTestFinished(() => void program.stop('SIGKILL'))
    return program
  }

  async function untilSubscribed(primary: Primary, subject: string, count: number): Promise<void> {
    await until(`${count} subscriptions on ${subject}`, async () => {
      const rows = await connections(primary)
      return rows.flatMap((row) => row.subscriptions).filter((row) => row.subject === subject).length >= count
    })
  }

  async function expectWell(program: Program): Promise<void> {
    const exit = await program.exit(30_000)
    expect({ ...exit, output: /error|nats:/i.test(program.stderr) ? program.stderr : '' }).toEqual({
      code: 0,
      signal: null,
      output: '',
    })
  }

  describe.each([1, 2, 4])('with %i workers', (workers) => {
    test.each([
      [1, 2, 20_000],
      [4, 2, 20_000],
      [16, 4, 5000],
    ])('pub and sub: %i subscribers get all of what %i publishers send', async (subscribers, publishers, messages) => {
      const primary = await ownPrimary({ workers })
      const sub = bench(primary, 'sub', 'foo', '--clients', `${subscribers}`, '--msgs', `${messages}`, '--size', '128')
      await untilSubscribed(primary, 'foo', subscribers)
      const pub = bench(primary, 'pub', 'foo', '--clients', `${publishers}`, '--msgs', `${messages}`, '--size', '128')
      await expectWell(pub)
      await expectWell(sub)
      expect(await total(primary, 'inMessages')).toBe(messages)
      expect(await total(primary, 'outMessages')).toBe(messages * subscribers)
      expect(await total(primary, 'outBytes')).toBe(messages * subscribers * 128)
      const said = [...sub.stdout.matchAll(/\((\d+) msgs\)/g)].map((match) => Number(match[1]))
      if (subscribers > 1) expect(said).toEqual(Array.from({ length: subscribers }, () => messages))
    })

    test('pub and sub with a subject for each message', async () => {
      const primary = await ownPrimary({ workers })
      const common = ['foo', '--clients', '2', '--msgs', '10000', '--multisubject']
      const sub = bench(primary, 'sub', ...common)
      await untilSubscribed(primary, 'foo.*', 2)
      const pub = bench(primary, 'pub', ...common)
      await expectWell(pub)
      await expectWell(sub)
      expect(await total(primary, 'outMessages')).toBe(20_000)
    })

    test('service serve and request: every request has its answer', async () => {
      const primary = await ownPrimary({ workers })
      const serve = bench(primary, 'service', 'serve', 'svc', '--clients', '2', '--size', '128')
      await untilSubscribed(primary, 'svc', 2)
      const request = bench(primary, 'service', 'request', 'svc', '--clients', '4', '--msgs', '2000', '--size', '128')
      await expectWell(request)
      // Requests and answers, in and out.
      expect(await total(primary, 'inMessages')).toBe(4000)
      expect(await total(primary, 'outMessages')).toBe(4000)
      const rows = await connections(primary)
      const servers = rows.filter((row) => row.subscriptions.some(({ subject }) => subject === 'svc'))
      expect(servers.map((row) => row.inMessages).reduce((sum, count) => sum + count)).toBe(2000)
      for (const row of servers) expect(row.inMessages).toBeGreaterThan(600)
      await serve.stop('SIGINT')
    })
  })
})
