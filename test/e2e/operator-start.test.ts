// Operator mode that cannot be (docs/reference/configuration-blocks.md, "Operators and resolvers"): the server does not
// start, and says why.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { configuredServers, scratchDirectory, startConfigured, startReloadable } from '../support/configured-servers.ts'
import { TestAccount, TestOperator } from '../support/operator.ts'

type Scene = (operator: TestOperator, directory: string) => Promise<string>

const past = (): number => Math.floor(Date.now() / 1000) - 100

const REFUSED: readonly (readonly [name: string, scene: Scene, text: string])[] = [
  [
    'the system account is not among those in memory',
    async (operator) => (await operator.config()).replace(/resolver_preload[\s\S]*/, ''),
    'error resolving system account: account missing',
  ],
  [
    'the system account is by another operator',
    async (operator) => {
      await new TestOperator().sign(operator.system).then((jwt) => operator.tokens.set(operator.system.id, jwt))
      return operator.config()
    },
    'error resolving system account: account validation failed',
  ],
  [
    'the system account has ended',
    async (operator) => {
      await operator.sign(operator.system, {}, { exp: past() })
      return operator.config()
    },
    'error resolving system account: account validation failed',
  ],
  [
    'the file names another system account than the operator',
    async (operator) => `system_account: ${new TestAccount('X').id}\n${await operator.config()}`,
    'system_account in config and operator JWT must be identical',
  ],
  [
    'a pinned account is none',
    async (operator) => `resolver_pinned_accounts: [ foo ]\n${await operator.config()}`,
    'pinned account key "foo" is not a valid public account nkey',
  ],
  [
    'the sentinel cannot be read',
    async (operator) => `default_sentinel: foo\n${await operator.config()}`,
    'default sentinel JWT not valid',
  ],
  [
    'the sentinel is no bearer token',
    async (operator) => {
      const account = new TestAccount('A')
      await operator.sign(account)
      return `default_sentinel: ${(await account.user()).jwt}\n${await operator.config()}`
    },
    'default sentinel must be a bearer token',
  ],
  [
    'there is no resolver',
    async (operator) => (await operator.config()).replace(/resolver[\s\S]*/, ''),
    'operators require an account resolver to be configured',
  ],
  [
    'users are configured as well',
    async (operator) => `authorization { users: [ { user: a, password: a } ] }\n${await operator.config()}`,
    'operators do not allow users to be configured directly',
  ],
]

describe.each(configuredServers('operator mode that cannot be'))('$name', (server) => {
  test.each(REFUSED)('%s', async (name, scene, text) => {
    // nats-server then looks for one at an address that the operator does not name.
    if (name === 'there is no resolver' && server.name === 'nats-server') return
    const directory = scratchDirectory()
    const file = join(directory, 'server.conf')
    writeFileSync(file, await scene(new TestOperator(), directory))
    await expect(server.start(['-c', file])).rejects.toThrow(`nats-server: ${text}\n`)
  })

  test('a reload with such a mistake is refused, and the server goes on', async () => {
    const operator = new TestOperator()
    const { program, reload } = await startReloadable(server, await operator.config())
    const pinned = await reload(`resolver_pinned_accounts: [ foo ]\n${await operator.config()}`)
    expect(pinned).toContain('pinned account key "foo" is not a valid public account nkey')
    expect(program.hasEnded).toBe(false)
  })

  test('a file within its directory is fine', async () => {
    const operator = new TestOperator()
    const program = await startConfigured(
      server,
      await operator.config(`{ type: full, dir: "${scratchDirectory()}/a/b" }`),
    )
    expect(program.stderr).toContain('Server is ready')
  })
})
