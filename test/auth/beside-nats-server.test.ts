// Who may come in, beside the real nats-server: the same configuration, the same CONNECT, the same verdict.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authenticator } from '../../src/auth/authenticator.ts'
import { AuthFaults, isRefusal } from '../../src/auth/identity.ts'
import { AccountBook } from '../../src/auth/jwt/account-book.ts'
import { PasswordPool } from '../../src/auth/password-pool.ts'
import { missing, peers } from '../support/peers.ts'
import { RawClient } from '../support/raw-client.ts'
import { startNatsServer } from '../support/server.ts'
import { accountScenario } from './account-verdicts.ts'
import { request } from './material.ts'
import { configuredScenarios, type Login, operatorScenarios, type Scenario, settingsOf } from './verdicts.ts'

const noPeer = missing('natsServer', 'the comparison of logins with nats-server')
const directory = mkdtempSync(join(tmpdir(), 'heddle-auth-'))
const passwords = new PasswordPool({ threads: 1 })
let scenarios: Scenario[] = []

beforeAll(async () => {
  scenarios = [...configuredScenarios(), ...(await operatorScenarios()), await accountScenario()]
})
afterAll(async () => {
  await passwords.close()
  rmSync(directory, { recursive: true })
})

async function ourVerdict(authenticator: Authenticator, login: Login): Promise<boolean> {
  const nonce = authenticator.greeting('STANDARD').needsNonce ? 'our-nonce-15-ch' : ''
  const said = login.said(nonce)
  const credentials = {
    user: said['user'] ?? '',
    password: said['pass'] ?? '',
    token: said['auth_token'] ?? '',
    jwt: said['jwt'] ?? '',
    nkey: said['nkey'] ?? '',
    signature: said['sig'] ?? '',
    proxySignature: said['proxy_sig'] ?? '',
  }
  const answer = await authenticator.authenticate(request(credentials, { nonce }))
  if (isRefusal(answer)) expect(answer.fault.text).toBe(AuthFaults.violation.text)
  return !isRefusal(answer)
}

async function theirVerdict(port: number, login: Login): Promise<boolean> {
  const client = await RawClient.connect(port)
  const info = await client.readInfo()
  const members = { verbose: false, pedantic: false, ...login.said(String(info['nonce'] ?? '')) }
  client.send(`CONNECT ${JSON.stringify(members)}\r\nPING\r\n`)
  const [answer] = await client.expectMatch(/^(?:PONG|-ERR '[^']*')\r\n/)
  await client.close()
  expect(['PONG\r\n', "-ERR 'Authorization Violation'\r\n"]).toContain(answer)
  return answer === 'PONG\r\n'
}

it('our verdicts are as the table has them', async () => {
  const wrong: string[] = []
  for (const scenario of scenarios) {
    const trusted = scenario.input.operator ?? { trustedKeys: [], strictKeys: [] }
    const accounts = new AccountBook(trusted, (key) => scenario.tree?.tokens.get(key))
    const authenticator = new Authenticator(settingsOf(scenario), { passwords, accounts })
    for (const login of scenario.logins) {
      if ((await ourVerdict(authenticator, login)) !== login.isAllowed) wrong.push(`${scenario.name}: ${login.name}`)
    }
  }
  expect(wrong).toEqual([])
})

describe.skipIf(noPeer)('nats-server', () => {
  it('has the same verdicts, and asks for credentials and nonces where we do', async () => {
    const wrong: string[] = []
    for (const [i, scenario] of scenarios.entries()) {
      const file = join(directory, `${i}.conf`)
      writeFileSync(file, `max_control_line: 16384\n${scenario.config}\n`)
      const server = await startNatsServer(peers.natsServer ?? '', ['-c', file])
      try {
        const client = await RawClient.connect(server.port)
        const info = await client.readInfo()
        await client.close()
        const greeting = new Authenticator(settingsOf(scenario), { passwords }).greeting('STANDARD')
        if (scenario.natsServerAsks === undefined)
          expect(
            { announced: info['auth_required'] ?? false, nonce: info['nonce'] !== undefined },
            scenario.name,
          ).toEqual({ announced: greeting.isAnnounced, nonce: greeting.needsNonce })
        for (const login of scenario.logins) {
          const verdict = await theirVerdict(server.port, login)
          const expected = login.natsServer === undefined ? login.isAllowed : !login.isAllowed
          if (verdict !== expected) wrong.push(`${scenario.name}: ${login.name}`)
        }
      } finally {
        await server.stop()
      }
    }
    expect(wrong).toEqual([])
  }, 120_000)
})
