// What docs/security.md shows to be copied works: each configuration file in it starts a server, and each command of the
// section on TLS runs.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, type NatsConnection, type TlsOptions } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { codeBlocks } from '../support/code-blocks.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { missing, peers } from '../support/peers.ts'

const blocks = codeBlocks('docs/security.md')
const directory = mkdtempSync(join(tmpdir(), 'heddle-security-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The text of a block, with the folder of the test in place of the one that it names. */
const placed = (text: string): string => text.replaceAll('/etc/heddle/tls', directory)

const confs = blocks.filter(({ language }) => language === 'conf').map(({ text }) => placed(text))
/** Those of the section on TLS. */
const commands = blocks
  .filter(({ language, heading }) => language === 'sh' && ['TLS', 'Certificates of clients'].includes(heading))
  .map(({ text }) => placed(text))
const ofNats = (command: string): boolean => /^nats /m.test(command)

async function run(command: string, path = process.env['PATH']): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-ec', command], { env: { ...process.env, PATH: path } })
  return stdout
}

// The certificates of the page, made by its commands.
const printed: string[] = []
beforeAll(async () => {
  for (const command of commands.filter((each) => !ofNats(each))) printed.push(await run(command))
})

test('there are blocks to look at', () => {
  expect(confs.length).toBeGreaterThan(7)
  expect(commands.length).toBeGreaterThan(4)
})

test('the last command prints what pinned_certs takes', () => {
  expect(printed.at(-1)).toMatch(/\b[0-9a-f]{64}\n$/)
})

describe.each(configuredServers('docs/security.md'))('$name', (server) => {
  test('starts by each configuration', async () => {
    for (const conf of confs) {
      const program = await startConfigured(server, conf)
      expect(program.stderr).not.toMatch(/\[ERR\]|\[FTL\]/)
      await program.stop()
    }
  })

  const pem = (name: string): string => readFileSync(join(directory, name), 'utf8')

  async function login(port: number, tls: TlsOptions): Promise<NatsConnection> {
    const nc = await connect({ servers: `localhost:${port}`, reconnect: false, tls: { ca: pem('ca.pem'), ...tls } })
    onTestFinished(() => nc.close())
    return nc
  }

  const [plain, verified, mapped] = confs.filter((conf) => conf.includes(directory))
  const alice = (): TlsOptions => ({ cert: pem('alice.pem'), key: pem('alice.key') })

  test('asks nobody for a certificate, or everybody, by the configurations of the section on TLS', async () => {
    await (await login((await startConfigured(server, plain)).port, {})).flush()
    const { port } = await startConfigured(server, verified)
    await expect(login(port, {})).rejects.toThrow()
    await (await login(port, alice())).flush()
  })

  test('knows the user by the certificate', async () => {
    const { port } = await startConfigured(server, mapped)
    await expect(login(port, {})).rejects.toThrow()
    const nc = await login(port, alice())
    const refused = (async () => {
      for await (const status of nc.status()) if (status.type === 'error') return status.error.message
      return ''
    })()
    nc.publish('orders.new')
    nc.publish('invoices.new')
    expect(await refused).toMatch(/Permissions Violation for Publish to "invoices\.new"/)
  })

  test.skipIf(missing('nats', 'commands of docs/security.md'))('takes the commands of the nats CLI', async () => {
    const path = `${join(peers.nats ?? '', '..')}:${process.env['PATH']}`
    const tools = commands.filter(ofNats)
    for (const [i, conf] of [plain, mapped].entries()) {
      const program = await startConfigured(server, conf)
      await run(tools[i].replaceAll('localhost:4222', `localhost:${program.port}`), path)
      await program.stop()
    }
    expect(tools).toHaveLength(2)
  })
})
