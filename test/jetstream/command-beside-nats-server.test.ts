// The `nats` command with streams, beside nats-server: each command says the same of both, field by field.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { Program, ROOT } from '../support/server.ts'
import { withBoth } from './beside.ts'
import { BENCHMARKS, COMMAND_TALKS, type Command, maskedOutput } from './command-talks.ts'

const COMMAND_MS = 60_000
const FILE = 'abcdefghij'.repeat(10_000)
const USERS = { user: ['--user=a', '--password=a'], system: ['--user=sys', '--password=sys'] }
const CONFIG = `
server_name: one
jetstream { max_mem: 1GB, max_file: 10GB }
accounts {
  A { jetstream: enabled, users [{ user: a, password: a }] }
  $SYS { users [{ user: sys, password: sys }] }
}
`

/** Exit code and output of each command. */
async function talk(port: number, commands: readonly Command[], folder: string): Promise<unknown[]> {
  const said: unknown[] = []
  for (const { args, input = '', isSystem, until } of commands) {
    const words = args.split(' ').map((word) => word.replace(/^FILE$/, join(folder, 'file')).replace(/"/g, ''))
    const given = words.map((word) => word.replace('=OUTPUT', `=${join(folder, 'output')}`))
    const flags = ['--no-context', '-s', `nats://127.0.0.1:${port}`, ...USERS[isSystem === true ? 'system' : 'user']]
    const env = { ...process.env, XDG_CONFIG_HOME: folder, TZ: 'UTC' }
    const program = new Program(peers.nats ?? '', [...flags, ...given], env, ROOT)
    onTestFinished(() => void program.stop('SIGKILL'))
    // It may not read what comes.
    program.child.stdin?.on('error', () => {}).end(input)
    if (until !== undefined) {
      await program.until(until, COMMAND_MS)
      program.child.kill('SIGINT')
    }
    const { code } = await program.exit(COMMAND_MS)
    said.push({ args, code, stdout: maskedOutput(program.stdout), stderr: maskedOutput(program.stderr) })
    if (args.includes('OUTPUT')) said.push(readFileSync(join(folder, 'output'), 'latin1') === FILE)
  }
  return said
}

function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-command-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'file'), FILE)
  return folder
}

const isMissing = missing('nats', 'the nats command with streams') || missing('natsServer', 'the nats command')

describe.skipIf(isMissing)('the nats command', () => {
  test.each(Object.entries({ ...COMMAND_TALKS, benchmarks: BENCHMARKS }))(
    'about %s, says the same of both',
    async (_, commands) => {
      const folder = ownFolder()
      const [theirs, ours] = await withBoth(CONFIG, 2, (port) => talk(port, commands, folder))
      for (const [i, heard] of theirs.entries()) {
        expect(JSON.stringify(ours[i], undefined, 1)).toBe(JSON.stringify(heard, undefined, 1))
      }
    },
    300_000,
  )
})
