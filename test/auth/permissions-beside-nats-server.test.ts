// Random permissions beside the real nats-server: what it accepts and delivers, we do.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CompiledPermissions } from '../../src/auth/permissions.ts'
import type { Permissions } from '../../src/options/shapes.ts'
import { matches } from '../../src/subjects/subject.ts'
import { missing, peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'
import { type ServerProgram, startNatsServer } from '../support/server.ts'
import { randomFilter, randomPermissions } from './permissions-cases.ts'
import { WORLD } from './permissions-model.ts'

const USERS = 150
const QUEUES = ['', '', 'q', 'q.a', 'q.b', 'r', '*', 'q.*']
const directory = mkdtempSync(join(tmpdir(), 'heddle-auth-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** In configuration an empty list means that there is none. */
function configurable({ publish, subscribe }: Permissions): Permissions {
  const list = (entries: readonly string[] | undefined) => (entries?.length ? entries : undefined)
  return {
    publish: publish && { allow: list(publish.allow), deny: list(publish.deny) },
    subscribe: subscribe && { allow: list(subscribe.allow), deny: list(subscribe.deny) },
  }
}

describe.skipIf(missing('natsServer', 'the comparison of permissions with nats-server'))('nats-server', () => {
  const random = new Random(chooseSeed('permissions beside nats-server'))
  const permissions = Array.from({ length: USERS }, () => configurable(randomPermissions(random)))
  let server: ServerProgram

  beforeAll(async () => {
    const users = permissions.map((one, i) => `{user: u${i}, password: p, permissions: ${JSON.stringify(one)}}`)
    const file = join(directory, 'users.conf')
    writeFileSync(file, `authorization { users = [\n{user: admin, password: p}\n${users.join('\n')}\n] }\n`)
    server = await startNatsServer(peers.natsServer ?? '', ['-c', file])
  })
  afterAll(() => server.stop())

  const open = async (user: string): Promise<RawClient> => {
    const client = await RawClient.connect(server.port)
    await client.readInfo()
    client.send(`CONNECT {"verbose":true,"echo":false,"user":"${user}","pass":"p"}\r\n`)
    await client.expect('+OK\r\n')
    return client
  }
  const isAccepted = async (client: RawClient, operation: string): Promise<boolean> => {
    client.send(`${operation}\r\n`)
    const [line] = await client.expectMatch(/^(?:\+OK|-ERR 'Permissions Violation [^\r]*)\r\n/)
    return line === '+OK\r\n'
  }

  it('accepts and delivers the same', async () => {
    const admin = await RawClient.connect(server.port)
    await admin.readInfo()
    admin.send('CONNECT {"verbose":false,"user":"admin","pass":"p"}\r\n')
    const wrong: string[] = []
    let looser = 0
    for (const [i, one] of permissions.entries()) {
      const compiled = new CompiledPermissions(one)
      const client = await open(`u${i}`)
      const received = new Set<string>()
      client.onMessage = ({ subject }) => received.add(subject)
      for (let sid = 1; sid <= 8; sid++) {
        const subject = random.pick(WORLD)
        if ((await isAccepted(client, `PUB ${subject} 0\r\n`)) !== compiled.mayPublish(subject)) {
          wrong.push(`u${i} PUB ${subject}`)
        }
        const filter = random.chance(0.3) ? random.pick(WORLD) : randomFilter(random)
        const queue = random.pick(QUEUES)
        const verdict = compiled.maySubscribe(filter, queue)
        const isTheirs = await isAccepted(client, `SUB ${filter} ${queue} ${sid}`)
        if (!isTheirs && verdict === 'denied') continue
        if (isTheirs && verdict === 'denied' && filter.endsWith('>') && one.subscribe?.allow !== undefined) {
          // They read > as a token that * allows, and so let more through than is allowed.
          looser++
        } else if (!isTheirs || verdict === 'denied') {
          wrong.push(`u${i} SUB ${filter} ${queue}: ${verdict}, they ${isTheirs ? 'accept' : 'refuse'}`)
        } else {
          admin.send(WORLD.map((name) => `PUB ${name} 0\r\n\r\n`).join(''), 'PING\r\n')
          await admin.expect('PONG\r\n')
          client.send('PING\r\n')
          await client.expect('PONG\r\n')
          const expected = WORLD.filter(
            (name) => matches(filter, name) && (verdict === 'allowed' || compiled.mayDeliver(name, queue)),
          )
          if (JSON.stringify([...received]) !== JSON.stringify(expected)) wrong.push(`u${i} MSG of ${filter} ${queue}`)
          received.clear()
        }
        if (isTheirs) expect(await isAccepted(client, `UNSUB ${sid}`)).toBe(true)
      }
      await client.close()
      if (wrong.length > 0) wrong.push(JSON.stringify(one))
      expect(wrong).toEqual([])
    }
    await admin.close()
    expect(looser).toBeLessThan(USERS)
  }, 60_000)
})
