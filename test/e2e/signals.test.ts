// Signals to a running server, and the program that sends them (docs/reference/reload-and-signals.md, "Signals"). Each
// server is a process of its own, and every signal goes to a process that the test itself has started.

import { spawn } from 'node:child_process'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sendSignal } from '../../src/process/send-signal.ts'
import { configured, ownFolder, textOf } from '../support/configured.ts'
import { open } from '../support/harness.ts'
import { runCommand } from '../support/server.ts'
import { until } from '../support/until.ts'

describe.each([0, 2])('a server with %i workers', (workers) => {
  test.each([
    ['SIGINT', 'interrupt'],
    ['SIGTERM', 'terminated'],
  ] as const)('%s is named in the log and ends it with exit code 0', async (signal, name) => {
    const { program } = await configured({ workers })
    expect(await program.stop(signal)).toEqual({ code: 0, signal: null })
    expect(program.stderr).toContain(`[INF] Trapped "${name}" signal\n`)
    expect(program.stderr).toMatch(/Initiating Shutdown\.\.\.\n.*Server Exiting\.\.\n$/)
  })

  test('SIGUSR1 without a log file changes nothing', async () => {
    const { program, port } = await configured({ workers })
    program.child.kill('SIGUSR1')
    await program.until(/Trapped "user defined signal 1" signal\n.*File log re-open ignored, not a file logger\n/)
    await (await open(port)).sync()
  })

  test('SIGUSR1 opens the log file anew on every thread, and no line is lost', async () => {
    const folder = ownFolder()
    const logFile = join(folder, 'server.log')
    const { program, port } = await configured({ workers, logFile, trace: true }, true, folder)
    const clients = await Promise.all(Array.from({ length: 4 }, () => open(port)))
    const publish = async (from: number): Promise<void> => {
      for (let i = from; i < from + 100; i++) for (const client of clients) client.send(`PUB line.${i} 0\r\n\r\n`)
      for (const client of clients) await client.sync()
    }
    await publish(0)
    renameSync(logFile, `${logFile}.old`)
    await publish(100)
    program.child.kill('SIGUSR1')
    await until('the new file', () => textOf(logFile).includes('File log re-opened'))
    await publish(200)
    expect(program.stderr).toBe('')
    const old = textOf(`${logFile}.old`)
    const young = textOf(logFile)
    for (let i = 0; i < 300; i++) {
      const lines = (i < 200 ? old : young).split(`[PUB line.${i} 0]\n`).length - 1
      expect(lines, `line ${i}`).toBe(clients.length)
    }
    for (const line of `${old}${young}`.trimEnd().split('\n'))
      expect(line).toMatch(/^\[\d+\] \d{4}\/\d\d\/\d\d [\d:.]+ \[/)
  })
})

test('signals that come before the server is ready are obeyed when it is', async () => {
  const { program } = await configured({ workers: 2 }, false)
  await program.until(/Starting nats-server/)
  program.child.kill('SIGHUP')
  program.child.kill('SIGINT')
  expect(await program.exit()).toEqual({ code: 0, signal: null })
})

test('SIGKILL leaves nothing behind that holds the port', async () => {
  const first = await configured({ workers: 2 })
  await open(first.port)
  await first.program.stop('SIGKILL')
  const second = await configured({ workers: 2, port: first.port })
  await (await open(second.port)).sync()
})

// ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────

/** No other program on the machine is called so: signals by name must reach nobody else. */
const UNIQUE = `hdl${process.pid}`.slice(0, 15)

/** A process of a certain name that waits for its end. */
async function namedProcess(name: string): Promise<{ pid: number; ended: Promise<string | null> }> {
  const script = `process.title = ${JSON.stringify(name)}; process.stdin.resume(); console.log('here')`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise<string | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return { pid: child.pid as number, ended }
}

describe('sending a signal', () => {
  test.each([
    ['stop', 'SIGKILL'],
    ['quit', 'SIGINT'],
    ['term', 'SIGTERM'],
    ['reopen', 'SIGUSR1'],
    ['reload', 'SIGHUP'],
    ['ldm', 'SIGUSR2'],
  ])('%s is %s', async (name, signal) => {
    const { pid, ended } = await namedProcess(UNIQUE)
    expect(sendSignal(`${name}=${pid}`)).toBeUndefined()
    // The process has no handlers; Node itself takes SIGUSR1 for its debugger.
    if (signal !== 'SIGUSR1') expect(await ended).toBe(signal)
  })

  test('goes to the process whose number stands in a file, with or without a line end', async () => {
    const file = join(ownFolder(), 'pid')
    for (const end of ['', '\n']) {
      const { pid, ended } = await namedProcess(UNIQUE)
      writeFileSync(file, `${pid}${end}`)
      expect(sendSignal(`term=${file}`)).toBeUndefined()
      expect(await ended).toBe('SIGTERM')
    }
  })

  test('goes to the only process of that name', async () => {
    const { ended } = await namedProcess(UNIQUE)
    expect(sendSignal('term', UNIQUE)).toBeUndefined()
    expect(await ended).toBe('SIGTERM')
  })

  test('goes to none of several, whose numbers are told, and to all of them for a pattern', async () => {
    const both = await Promise.all([namedProcess(UNIQUE), namedProcess(UNIQUE)])
    const pids = both.map(({ pid }) => pid).sort((a, b) => a - b)
    expect(sendSignal('term', UNIQUE)).toBe(`multiple ${UNIQUE} processes running:\n${pids[0]}\n${pids[1]}`)
    expect(sendSignal('term=0*', UNIQUE)).toBeUndefined() // no number begins so
    expect(sendSignal('term=*', UNIQUE)).toBeUndefined()
    expect(await Promise.all(both.map(({ ended }) => ended))).toEqual(['SIGTERM', 'SIGTERM'])
  })

  test('is refused in the words of nats-server', async () => {
    expect(sendSignal('reload', UNIQUE)).toBe(`no ${UNIQUE} processes running`)
    expect(sendSignal('reload=abc')).toBe('invalid pid: abc')
    expect(sendSignal('nonsense=1')).toBe('unknown signal "nonsense"')
    expect(sendSignal('reload=1=2=3')).toBe('invalid signal parameters: [2 3]')
    expect(sendSignal('reload=99999999')).toBe('\nsignal "reload" 99999999: no such process')
  })

  test('a server is found under the name nats-server', async () => {
    const { program } = await configured({ workers: 0 })
    // Not by --signal itself: it would reach whoever else is called so on this machine.
    const pid = program.child.pid as number
    if (existsSync('/proc')) expect(textOf(`/proc/${pid}/comm`)).toBe('nats-server\n')
  })

  test('-sl and --signal of the command do it, and exit with 1 when they cannot', async () => {
    for (const flag of ['-sl', '--signal']) {
      const { program } = await configured({ workers: 0 })
      const sender = runCommand([flag, `quit=${program.child.pid}`])
      expect(await sender.exit()).toEqual({ code: 0, signal: null })
      expect(await program.exit()).toEqual({ code: 0, signal: null })
    }
    const refused = runCommand(['--signal', 'reload=abc'])
    expect(await refused.exit()).toEqual({ code: 1, signal: null })
    expect(refused.stderr).toBe('nats-server: invalid pid: abc\n')
  })
})
