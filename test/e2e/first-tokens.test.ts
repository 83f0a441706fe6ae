// Accounts, users and activations by tokens of the first form (version 1), which old tools wrote and servers still take.

import { createAccount, createUser, type KeyPair } from '@nats-io/nkeys'
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { firstClaims, publicKey, signFirst, UNLIMITED } from '../auth/material.ts'
import { configuredServers, startConfigured } from '../support/configured-servers.ts'
import { TestOperator } from '../support/operator.ts'
import type { ServerProgram } from '../support/server.ts'

async function enter({ port }: ServerProgram, account: KeyPair): Promise<NatsConnection> {
  const key = createUser()
  const jwt = signFirst(firstClaims('user', publicKey(key), account, {}), account)
  const authenticator = jwtAuthenticator(jwt, key.getSeed())
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, authenticator })
  onTestFinished(() => connection.close())
  return connection
}

/** What lets `importer` have `subject`, signed by `signer`. */
function activation(importer: KeyPair, signer: KeyPair, type: string, subject: string): string {
  return signFirst(firstClaims('activation', publicKey(importer), signer, { subject, type }), signer)
}

/** A server with an account that exports, one that imports it all, and one whose activations are somebody else's. */
async function start(server: Parameters<typeof startConfigured>[0]) {
  const operator = new TestOperator()
  const [exporter, importer, forger] = [createAccount(), createAccount(), createAccount()]
  const add = (account: KeyPair, nats: object): void => {
    const body = { limits: UNLIMITED, ...nats }
    const jwt = signFirst(firstClaims('account', publicKey(account), operator.key, body), operator.key)
    operator.tokens.set(publicKey(account), jwt)
  }
  add(exporter, {
    exports: [
      { name: 'news', subject: 'news.>', type: 'stream' },
      { name: 'secret', subject: 'secret.>', type: 'stream', token_req: true },
      { name: 'help', subject: 'help', type: 'service', token_req: true },
    ],
  })
  const account = publicKey(exporter)
  const importsWith = (holder: KeyPair, signer: KeyPair) => [
    { name: 'news', subject: 'news.>', account, to: 'from.e', type: 'stream' },
    {
      name: 'secret',
      subject: 'secret.a',
      account,
      type: 'stream',
      token: activation(holder, signer, 'stream', 'secret.a'),
    },
    {
      name: 'help',
      subject: 'help',
      account,
      to: 'help',
      type: 'service',
      token: activation(holder, signer, 'service', 'help'),
    },
  ]
  add(importer, { imports: importsWith(importer, exporter) })
  add(forger, { imports: importsWith(forger, forger) })
  const program = await startConfigured(server, await operator.config())
  return { program, exporter, importer, forger }
}

describe.each(configuredServers('tokens of the first form'))('$name', (server) => {
  test('an activation opens exactly what it names', async () => {
    const { program, exporter, importer } = await start(server)
    const e = await enter(program, exporter)
    const i = await enter(program, importer)
    const heard: string[] = []
    i.subscribe('>', { callback: (_, message) => void heard.push(message.subject) })
    e.subscribe('help', { callback: (_, message) => void message.respond('here') })
    await Promise.all([i.flush(), e.flush()])
    for (const subject of ['secret.a', 'secret.b', 'news.x', 'last']) e.publish(subject)
    await e.flush()
    expect((await i.request('help', '', { timeout: 5000 })).string()).toBe('here')
    await i.flush()
    expect(heard.filter((subject) => !subject.startsWith('_INBOX')).sort()).toEqual([
      'from.e.news.x',
      'help',
      'secret.a',
    ])
  })

  test('an account with an activation that somebody else signed lets nobody in', async () => {
    const { program, forger } = await start(server)
    await expect(enter(program, forger)).rejects.toThrow(/Authorization Violation/i)
  })
})
