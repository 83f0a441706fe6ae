// Account tokens that are pushed, listed and deleted over the system account (docs/reference/system-account.md,
// "Account tokens"), beside nats-server.

import { encodeGeneric } from '@nats-io/jwt'
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type ConfiguredServer,
  configuredServers,
  scratchDirectory,
  startConfigured,
} from '../support/configured-servers.ts'
import { TestAccount, TestOperator, type TokenUser } from '../support/operator.ts'
import { type Answer, ask } from '../support/system-users.ts'
import { until } from '../support/until.ts'

class Scene {
  readonly operator = new TestOperator()
  readonly account = new TestAccount('A')
  sys!: NatsConnection
  private port = 0

  static async start(server: ConfiguredServer, type = 'full'): Promise<Scene> {
    const scene = new Scene()
    const { operator, account } = scene
    await operator.sign(account)
    const directory = `{ type: ${type}, dir: "${scratchDirectory()}", allow_delete: true }`
    const config = await operator.config(type === 'MEMORY' ? type : directory)
    scene.port = (await startConfigured(server, config)).port
    scene.sys = await scene.enter(await operator.system.user())
    return scene
  }

  async enter({ creds }: TokenUser): Promise<NatsConnection> {
    const authenticator = credsAuthenticator(creds)
    const connection = await connect({ servers: `127.0.0.1:${this.port}`, authenticator, reconnect: false })
    onTestFinished(() => connection.close())
    return connection
  }

  push(jwt: string, subject = '$SYS.REQ.CLAIMS.UPDATE'): Promise<Answer> {
    return ask(this.sys, subject, jwt)
  }

  async list(): Promise<unknown> {
    return ((await ask(this.sys, '$SYS.REQ.CLAIMS.LIST'))['data'] as string[]).toSorted()
  }

  async remove(accounts: readonly string[], signer = this.operator.key): Promise<Answer> {
    return ask(this.sys, '$SYS.REQ.CLAIMS.DELETE', await encodeGeneric('delete', signer, 'x', { accounts }))
  }
}

const seconds = (): number => Math.floor(Date.now() / 1000)

describe.each(configuredServers('the claims services'))('$name', (server) => {
  test.each(['$SYS.REQ.CLAIMS.UPDATE', '$SYS.REQ.ACCOUNT.<id>.CLAIMS.UPDATE', '$SYS.ACCOUNT.<id>.CLAIMS.UPDATE'])(
    'a new account can be entered once it is pushed to %s',
    async (subject) => {
      const scene = await Scene.start(server)
      const later = new TestAccount('B')
      const user = await later.user()
      await expect(scene.enter(user)).rejects.toThrow(/authorization/i)
      const answer = await scene.push(await scene.operator.sign(later), subject.replace('<id>', later.id))
      expect(answer).toMatchObject({ server: {}, data: { account: later.id, code: 200, message: 'jwt updated' } })
      expect(Object.keys(answer)).toEqual(['server', 'data'])
      await scene.enter(user)
      expect(await scene.list()).toEqual([scene.account.id, later.id, scene.operator.system.id].toSorted())
    },
  )

  test('a pushed token holds for those who are connected', async () => {
    const scene = await Scene.start(server)
    const { account, operator } = scene
    const [revoked, other] = [await account.user({}, {}, 'eve'), await account.user()]
    const [gone, stays] = [await scene.enter(revoked), await scene.enter(other)]
    const revocations = { [revoked.key.getPublicKey()]: seconds() + 1 }
    await scene.push(await operator.sign(account, { revocations }))
    expect(String(await gone.closed())).toMatch(/revoked/i)
    await stays.flush()
    await expect(scene.enter(revoked)).rejects.toThrow()
  })

  test('a pushed token of another operator changes nothing for them', async () => {
    const scene = await Scene.start(server)
    const user = await scene.account.user()
    const connection = await scene.enter(user)
    await scene.push(await new TestOperator().sign(scene.account, { limits: { subs: 0 } }))
    connection.subscribe('x')
    await connection.flush()
    await scene.push(await scene.operator.sign(scene.account))
    await scene.enter(user)
    expect(connection.isClosed()).toBe(false)
  })

  test('imports and exports that are pushed bring messages', async () => {
    const scene = await Scene.start(server)
    const { account, operator } = scene
    const importer = new TestAccount('B')
    await scene.push(await operator.sign(importer))
    const [from, to] = [await scene.enter(await account.user()), await scene.enter(await importer.user())]
    const heard: string[] = []
    to.subscribe('news', { callback: (_error, message) => void heard.push(message.string()) })
    await to.flush()
    await scene.push(
      await operator.sign(account, { exports: [{ name: 'news', subject: 'news', type: 'stream' }] } as never),
    )
    const item = { name: 'news', subject: 'news', account: account.id, type: 'stream' }
    await scene.push(await operator.sign(importer, { imports: [item] } as never))
    await until('a message', () => {
      from.publish('news', 'now')
      return heard.length > 0
    })
  })

  test('tokens are looked up, listed and packed', async () => {
    const scene = await Scene.start(server)
    const { sys, account, operator } = scene
    const lookUp = async (id: string) => (await sys.request(`$SYS.REQ.ACCOUNT.${id}.CLAIMS.LOOKUP`)).string()
    expect(await lookUp(account.id)).toBe(operator.tokens.get(account.id))
    expect(await lookUp(new TestAccount('X').id)).toBe('')
    expect(await scene.list()).toEqual([account.id, operator.system.id].toSorted())
    const packed: string[] = []
    sys.subscribe('packed', { callback: (_error, message) => void packed.push(message.string()) })
    sys.publish('$SYS.REQ.CLAIMS.PACK', 'a hash that is none', { reply: 'packed' })
    await until('the end of the pack', () => packed.includes(''))
    expect(packed.toSorted()).toEqual(['', ...[...operator.tokens].map(([id, jwt]) => `${id}|${jwt}`)].toSorted())
  })

  test('what makes no sense is refused, and what is there stays', async () => {
    const scene = await Scene.start(server)
    const { account, operator } = scene
    const stranger = new TestOperator()
    const before = await scene.list()
    expect(await scene.push('garbage')).toMatchObject({
      error: { account: 'n/a', code: 500, description: expect.stringMatching(/^jwt update resulted in error - /) },
    })
    const other = new TestAccount('B')
    const token = await operator.sign(other)
    const refusal = await scene.push(token, `$SYS.REQ.ACCOUNT.${account.id}.CLAIMS.UPDATE`)
    expect(refusal).toMatchObject({
      error: { account: account.id, description: 'jwt update resulted in error - subject does not match jwt content' },
    })
    expect(await scene.remove([account.id], stranger.key)).toMatchObject({
      error: {
        code: 500,
        description: expect.stringMatching(/^delete accounts request by O\w+ failed - not trusted$/),
      },
    })
    expect(await scene.remove([operator.system.id])).toMatchObject({
      error: { description: expect.stringMatching(/not allowed to delete system account$/) },
    })
    expect(await scene.remove(['x'])).toMatchObject({
      error: { description: expect.stringMatching(/malformed request$/) },
    })
    expect(await scene.list()).toEqual(before)
  })

  test('an account is deleted, and those who are in it have to go', async () => {
    const scene = await Scene.start(server)
    const { account, operator } = scene
    const user = await account.user()
    const connection = await scene.enter(user)
    expect(await scene.remove([account.id])).toMatchObject({ data: { code: 200, message: 'deleted 1 accounts' } })
    await connection.closed()
    expect(await scene.list()).toEqual([operator.system.id])
    await expect(scene.enter(user)).rejects.toThrow()
  })

  test('nobody but the system account reaches them', async () => {
    const scene = await Scene.start(server)
    const user = await scene.enter(await scene.account.user())
    for (const subject of ['CLAIMS.LIST', 'CLAIMS.UPDATE', `ACCOUNT.${scene.account.id}.CLAIMS.LOOKUP`]) {
      await expect(user.request(`$SYS.REQ.${subject}`, 'x')).rejects.toThrow(/no responders/i)
    }
  })

  test('without a directory a token can be pushed for an account that is used, and no more', async () => {
    const scene = await Scene.start(server, 'MEMORY')
    const { account, operator, sys } = scene
    for (const name of ['LIST', 'PACK', 'DELETE', 'UPDATE']) {
      await expect(sys.request(`$SYS.REQ.CLAIMS.${name}`)).rejects.toThrow(/no responders/i)
    }
    const [revoked, other] = [await account.user({}, {}, 'eve'), await account.user()]
    const [gone, stays] = [await scene.enter(revoked), await scene.enter(other)]
    const subject = `$SYS.REQ.ACCOUNT.${account.id}.CLAIMS.UPDATE`
    const strange = await scene.push(await new TestOperator().sign(account, { limits: { subs: 0 } }), subject)
    expect(strange).toMatchObject({ error: { account: account.id, code: 500 } })
    const revocations = { [revoked.key.getPublicKey()]: seconds() + 1 }
    expect(await scene.push(await operator.sign(account, { revocations }), subject)).toMatchObject({
      data: { account: account.id, message: 'jwt updated' },
    })
    expect(String(await gone.closed())).toMatch(/revoked/i)
    await stays.flush()
  })
})
