// The log of a running server: the lines that others look for, whoever reads them, or nobody
// (docs/reference/logging.md, "Log lines").

import { spawn, spawnSync } from 'node:child_process'
import { constants, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { configured, ownFolder, textOf } from '../support/configured.ts'
import { open } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import { type Program, startNatsServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const JAVA = {
  lang: 'java',
  version: '2.6.6',
  protocol: 1,
  verbose: false,
  pedantic: false,
  tls_required: false,
  echo: true,
}
const JAVA_JSON =
  '{"verbose":false,"pedantic":false,"lang":"java","version":"2.6.6","protocol":1,"tls_required":false,"echo":true}'

describe.each([0, 2])('the log of a server with %i workers', (workers) => {
  test('tells how a client comes, introduces itself, and goes', async () => {
    const { port, program } = await configured({ workers, debug: true, trace: true })
    const client = await open(port, JAVA)
    client.send('SUB foo 1\r\n')
    await client.sync()
    await client.close()
    await program.until(/Client connection closed/)
    const lines = program.stderr
      .split('\n')
      .filter((line) => line.includes(' - cid:1'))
      .map((line) => line.replace(/^\[\d+\] [\d/]{10} [\d:.]{15} /, '').replace(/127\.0\.0\.1:\d+/, 'ADDRESS'))
    const known = 'ADDRESS - cid:1 - "v2.6.6:java" -'
    expect(lines).toEqual([
      '[DBG] ADDRESS - cid:1 - Client connection created',
      `[TRC] ADDRESS - cid:1 - <<- [CONNECT ${JAVA_JSON}]`,
      '[TRC] ADDRESS - cid:1 - <<- [PING]',
      '[TRC] ADDRESS - cid:1 - ->> [PONG]',
      `[TRC] ${known} <<- [SUB foo 1]`,
      `[TRC] ${known} <<- [PING]`,
      `[TRC] ${known} ->> [PONG]`,
      `[TRC] ${known} <-> [DELSUB 1]`,
      `[DBG] ${known} Client connection closed: Client Closed`,
    ])
  })

  test('shows messages on their way in and out, their headers alone, and no more of them than wanted', async () => {
    const { port, program, reload } = await configured({ workers, trace: true })
    const clients = [await open(port, { headers: true }), await open(port, { headers: false })]
    for (const client of clients) {
      client.onMessage = () => undefined
      client.send('SUB foo 1\r\n')
      await client.sync()
    }
    const publish = async (payload: string): Promise<void> => {
      clients[0].send(`HPUB foo r 18 ${18 + payload.length}\r\nNATS/1.0\r\nA: b\r\n\r\n${payload}\r\n`)
      await clients[0].sync()
      await clients[1].sync()
    }
    await publish('hello')
    await program.until(/<<- \[HPUB foo r 18 23\]\n.*<<- MSG_PAYLOAD: \["NATS\/1\.0\\r\\nA: b\\r\\n\\r\\nhello"\]/)
    await program.until(/->> \[HMSG foo 1 r 18 23\]\n.*->> MSG_PAYLOAD: \["NATS\/1\.0\\r\\nA: b\\r\\n\\r\\nhello"\]/)
    await program.until(/->> \[MSG foo 1 r 5\]\n.*->> MSG_PAYLOAD: \["hello"\]/)
    await reload({ workers, trace: true, traceHeaders: true })
    await publish('secret')
    await reload({ workers, trace: true, maxTracedMessageLength: 22 })
    await publish('abcdefgh')
    await program.until(/A: b\\r\\n\\r\\nabcd\.\.\."\]/)
    expect(program.stderr).not.toContain('secret')
  })

  test('names what a client did wrong', async () => {
    const { port, program } = await configured({ workers, maxPayload: 10, maxControlLine: 200 })
    const misdeeds: [string, RegExp][] = [
      ['PUB a 11\r\n', /\[ERR\] .* - maximum payload exceeded: 11 vs 10\n/],
      ['BLA BLA\r\n', /\[ERR\] .* - Client parser ERROR: proto='"BLA BLA\\r\\n"\.\.\.'\n/],
      [`SUB ${'a'.repeat(300)} 1\r\n`, /\[ERR\] .* - maximum control line exceeded\n/],
      ['PUB a _R_.x 0\r\n\r\n', /\[ERR\] .* - Publish Violation - Reply "_R_\.x"\n/],
    ]
    for (const [bytes, line] of misdeeds) {
      const client = await open(port)
      client.send(bytes)
      await program.until(line)
    }
  })

  test('is one JSON object a line, if that is wanted', async () => {
    const { port, program } = await configured({ workers, debug: true, logFormat: 'json', logTimeUtc: true })
    const client = await open(port)
    await client.close()
    await program.until(/Client connection closed/)
    const rows = program.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const row of rows) {
      expect(row).toMatchObject({ level: expect.stringMatching(/^(info|debug)$/), pid: program.child.pid })
      expect(row.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    }
    expect(rows).toContainEqual(expect.objectContaining({ thread: 'primary', msg: 'Server is ready' }))
    expect(rows).toContainEqual(
      expect.objectContaining({ thread: 'shard 0', msg: 'Client connection created', cid: 1, ip: '127.0.0.1' }),
    )
  })

  test('without times, if none are wanted', async () => {
    const { program } = await configured({ workers, logTime: false })
    for (const line of program.stderr.trimEnd().split('\n')) expect(line).toMatch(/^\[\d+\] \[INF\] \S| {2}/)
  })
})

// ── Nobody reads ────────────────────────────────────────────────────────────────────────────────────────────

const SERVE = fileURLToPath(new URL('../support/serve.ts', import.meta.url))
const MISSING = /\d+ lines? of the log (is|are) missing here: stderr was not read\n/

/** A server that traces to stderr; its port comes from the ports file. */
async function tracing(workers: number, stderr: 'pipe' | number) {
  const folder = ownFolder()
  const file = join(folder, 'options.json')
  const options = { host: '127.0.0.1', port: -1, log: 'stderr', workers, trace: true, portsFileDir: folder }
  writeFileSync(file, JSON.stringify(options))
  const child = spawn(process.execPath, [SERVE, file], { stdio: ['ignore', 'ignore', stderr] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ports = await until('the ports file', () => textOf(join(folder, `nats-server_${child.pid}.ports`)) || undefined)
  return { child, port: Number(/nats:\/\/127\.0\.0\.1:(\d+)/.exec(ports)?.[1]) }
}

/** Far more lines than any pipe holds. Answers one of those that made them: its shard has lines to miss. */
async function flood(port: number): Promise<RawClient> {
  const clients = await Promise.all([open(port), open(port), open(port)])
  for (const client of clients) client.send(`PUB flood 10\r\n0123456789\r\n`.repeat(20_000))
  for (const client of clients) await client.sync()
  return clients[0]
}

describe.each([0, 2])('a server with %i workers whose stderr is not read', (workers) => {
  test('serves on, and says what is missing: a socket', async () => {
    const { child, port } = await tracing(workers, 'pipe')
    const client = await flood(port)
    let text = ''
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
    await until('a word about it', async () => {
      await client.sync()
      return MISSING.test(text)
    })
    for (const line of text.split('\n').slice(0, -1)) expect(line).toMatch(/^\[\d+\] /)
  })

  test('serves on, and says what is missing: a pipe', async () => {
    const path = join(ownFolder(), 'pipe')
    expect(spawnSync('mkfifo', [path]).status).toBe(0)
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
    const { port } = await tracing(workers, fd)
    const client = await flood(port)
    const bytes = Buffer.alloc(65_536)
    let text = ''
    await until('a word about it', async () => {
      try {
        text += bytes.toString('utf8', 0, readSync(fd, bytes))
      } catch {
        await client.sync() // the pipe is empty: more lines
      }
      return MISSING.test(text)
    })
    for (const line of text.split('\n').slice(0, -1)) expect(line).toMatch(/^\[\d+\] /)
  })
})

test('a reader that goes away does not end the server', async () => {
  const { child, port } = await tracing(2, 'pipe')
  child.stderr?.destroy()
  await flood(port)
})

// ── Beside nats-server ──────────────────────────────────────────────────────────────────────────────────────

describe.skipIf(missing('natsServer', 'the log beside nats-server'))('beside nats-server', () => {
  /** What is logged of a conversation, without what differs from one run to the next. */
  async function linesOf(program: Program, port: number): Promise<string[]> {
    const client = await open(port, { name: 'me', headers: true, protocol: 0 })
    client.send('SUB foo 1\r\nSUB bar q 2\r\nUNSUB 2\r\nPUB foo 5\r\nhello\r\nPUB a.b r 0\r\n\r\n')
    client.send('HPUB foo 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\nUNSUB 1 9\r\nPUB x 2000000\r\n')
    await program.until(/Client connection closed/)
    await program.until(/DELSUB 1\]/)
    const closed = /- cid:(\d+) - "me" - Client connection closed/.exec(program.stderr)
    const cid = closed?.[1]
    return program.stderr
      .split('\n')
      .filter((line) => line.includes(`- cid:${cid} -`))
      .map((line) => line.replace(/^\[\d+\] \S+ \S+ /, '').replace(/127\.0\.0\.1:\d+ - cid:\d+ - ("me" - )?/, ''))
      .sort()
  }

  test('the same conversation leaves the same lines', async () => {
    const theirs = await startNatsServer(peers.natsServer as string, ['-DV'])
    onTestFinished(() => void theirs.stop('SIGKILL'))
    const { program, port } = await configured({ workers: 1, debug: true, trace: true })
    expect(await linesOf(program, port)).toEqual(await linesOf(theirs, theirs.port))
  })
})
