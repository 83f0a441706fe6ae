// What operators type: the `nats server` commands and `nats account info`, against Heddle and nats-server. JSON has the
// same members, tables the same headings, and every command ends well.

import { describe, expect, onTestFinished, test } from 'vitest'
import { HEDDLES, scratchDirectory, startConfigured } from '../support/configured-servers.ts'
import { type Json, shapeOf } from '../support/json-shape.ts'
import { missing, peers } from '../support/peers.ts'
import { Program, ROOT, startNatsServer } from '../support/server.ts'
import { loginAs, PASSWORD, SYSTEM_CONFIG } from '../support/system-users.ts'

async function nats(port: number, user: string, ...args: readonly string[]): Promise<Program> {
  const flags = ['--no-context', '-s', `nats://${user}:${PASSWORD}@127.0.0.1:${port}`, ...args]
  const program = new Program(
    peers.nats as string,
    flags,
    { ...process.env, XDG_CONFIG_HOME: scratchDirectory() },
    ROOT,
  )
  onTestFinished(() => void program.stop('SIGKILL'))
  const { code } = await program.exit()
  expect({ args, code, stderr: program.stderr }).toEqual({ args, code: 0, stderr: '' })
  return program
}

/** Commands that print JSON, a value a line. */
const JSON_COMMANDS = [
  'server list --json',
  'server request variables',
  'server request connections',
  'server request connections --subscriptions',
  'server request connections --filter-state=closed',
  'server request accounts',
  'server request accounts --account=A',
  'server request subscriptions',
  'server request subscriptions --detail',
  'server request gateways',
  'server request routes',
  'server request leafnodes',
  'server request jetstream',
  'server request ipqueue',
  'server request raft',
  'server report connections --json',
  'server report accounts --json',
]

/** Commands that print for people. */
const TEXT_COMMANDS = [
  'server list',
  'server ping',
  'server info',
  'server report connections',
  'server report accounts',
  'server report health',
  'server check connection',
]

/** What is nats-server's alone: switches of JetStream, and queues inside of it. */
const THEIRS = /feature_flags|sendQ|recvQ|API responses/i
const OURS = /\.heddle/

function shapesOf(output: string): string[] {
  const values: Json[] = []
  // One document, or one a line.
  try {
    values.push(JSON.parse(output) as Json)
  } catch {
    for (const line of output.split('\n')) if (line.trim() !== '') values.push(JSON.parse(line) as Json)
  }
  return [...new Set(values.flatMap((value) => [...shapeOf(value)]))]
}

/** Headings and labels: lines without what is measured. */
function labelsOf(output: string): string[] {
  return output
    .split('\n')
    .map((line) =>
      line
        .replace(/[╭╮╰╯├┤┬┴┼─│]/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .map((line) => (line.includes(':') ? line.slice(0, line.indexOf(':')) : line))
    .filter((line) => line !== '' && !/\d/.test(line))
}

const isMissing = missing('nats', 'the server commands') || missing('natsServer', 'the server commands')

describe.skipIf(isMissing)('the nats command', () => {
  const theirs = {
    name: 'nats-server',
    start: (args: readonly string[]) => startNatsServer(peers.natsServer as string, args),
  }

  test.each(HEDDLES)(
    'says the same of $name',
    async (heddle) => {
      const ports: number[] = []
      for (const server of [heddle, theirs]) {
        const { port } = await startConfigured(server, SYSTEM_CONFIG)
        ports.push(port)
        const a = await loginAs({ port }, 'a', { name: 'weaver' })
        a.subscribe('orders.*', { queue: 'q' })
        await a.flush()
        await (await loginAs({ port }, 'b', { name: 'gone' })).close()
      }
      const both = async (user: string, command: string): Promise<[string, string]> => {
        const [our, their] = await Promise.all(ports.map((port) => nats(port, user, ...command.split(' '))))
        return [our.stdout, their.stdout]
      }
      for (const command of JSON_COMMANDS) {
        const [our, their] = (await both('sys', command)).map(shapesOf)
        const expected = their.filter((member) => !THEIRS.test(member)).toSorted()
        expect(our.filter((member) => !OURS.test(member) && !THEIRS.test(member)).toSorted(), command).toEqual(expected)
      }
      for (const command of TEXT_COMMANDS) {
        const [our, their] = (await both('sys', command)).map(labelsOf)
        expect(our, command).toEqual(their)
      }
      for (const command of ['account info', 'server request connections']) {
        const [our, their] = (await both('a', command)).map(labelsOf)
        expect(our, command).toEqual(their)
      }
    },
    120_000,
  )

  test.each(HEDDLES)('kicks a client of $name', async (heddle) => {
    const { port } = await startConfigured(heddle, SYSTEM_CONFIG)
    const a = await loginAs({ port }, 'a')
    const { server_id: id = '', client_id: cid = 0 } = a.info ?? {}
    await nats(port, 'sys', 'server', 'request', 'kick', `${cid}`, id)
    await a.closed()
  })
})
