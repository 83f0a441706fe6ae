// What accounts without streams, the system account and users of a domain are answered, beside nats-server.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, peers } from '../support/peers.ts'
import { type ServerProgram, startNatsServer, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'
import { masked } from './conversation.ts'

const SILENCE_MS = 300
const ANSWER_MS = 5000
/** Requests that somebody answers, and those that nobody does, or says that nobody is there. */
const ANSWERED = [
  'INFO',
  'STREAM.NAMES',
  'STREAM.LIST',
  'STREAM.INFO.X',
  'STREAM.CREATE.X',
  'STREAM.UPDATE.X',
  'STREAM.DELETE.X',
  'STREAM.PURGE.X',
  'STREAM.MSG.GET.X',
  'STREAM.MSG.DELETE.X',
  'STREAM.LEADER.STEPDOWN.X',
  'STREAM.PEER.REMOVE.X',
  'CONSUMER.NAMES.X',
  'CONSUMER.LIST.X',
  'CONSUMER.CREATE.X.C',
  'CONSUMER.INFO.X.C',
  'CONSUMER.DELETE.X.C',
  'CONSUMER.LEADER.STEPDOWN.X.C',
]
const OF_CLUSTERS = [
  'META.LEADER.STEPDOWN',
  'META.RESCUE',
  'SERVER.REMOVE',
  'SERVER.EVACUATE',
  'ACCOUNT.STREAM.MOVE.A.X',
  'ACCOUNT.STREAM.CANCEL_MOVE.A.X',
]
const OF_STREAMS = ['DIRECT.GET.X', 'CONSUMER.MSG.NEXT.X.C']

async function ask(connection: NatsConnection, subject: string, body = '', timeout = ANSWER_MS): Promise<unknown> {
  try {
    return masked((await connection.request(subject, body, { timeout })).json())
  } catch (error) {
    return (error as Error).message
  }
}

describe.skipIf(missing('natsServer', 'the API of the system account beside nats-server')).each([0, 2])(
  'with %i workers',
  (workers) => {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-system-'))
    let nats: ServerProgram | undefined
    let heddle: Awaited<ReturnType<typeof startServer>> | undefined
    beforeAll(async () => {
      const file = join(folder, 'nats.conf')
      writeFileSync(
        file,
        `jetstream { store_dir: "${join(folder, 'nats')}", domain: hub }
         accounts {
           A { jetstream: enabled, users: [ { user: A, password: A } ] }
           B { users: [ { user: B, password: B } ] }
           S { users: [ { user: S, password: S } ] }
         }
         system_account: S`,
      )
      nats = await startNatsServer(peers.natsServer ?? '', ['-c', file])
      const usersOf = (user: string) => [{ user, password: user }]
      heddle = await startServer({
        workers,
        jetstream: { storeDir: join(folder, 'heddle'), domain: 'hub' },
        accounts: {
          A: { jetstream: true, users: usersOf('A') },
          B: { users: usersOf('B') },
          S: { users: usersOf('S') },
        },
        systemAccount: 'S',
      })
    })
    afterAll(async () => {
      await Promise.all([nats?.stop(), heddle?.close()])
      rmSync(folder, { recursive: true, force: true })
    })

    /** Does the same with both, as a user of an account; what is heard is equal. */
    async function compare(user: string, talk: (connection: NatsConnection) => Promise<unknown>): Promise<void> {
      const ports = [nats?.port ?? 0, heddle?.port ?? 0]
      const [theirs, ours] = await Promise.all(
        ports.map(async (port) => {
          const connection = await connect({ port, user, pass: user, ignoreClusterUpdates: true })
          try {
            return await talk(connection)
          } finally {
            await connection.close()
          }
        }),
      )
      expect(ours).toEqual(theirs)
    }
    const each = async (subjects: readonly string[], answer: (subject: string) => Promise<unknown>) => {
      const heard: [string, unknown][] = []
      for (const subject of subjects) heard.push([subject, await answer(subject)])
      return heard
    }

    test.each(['B', 'S'])('account %s, which has no streams, is told so', async (user) => {
      await compare(user, (connection) => each(ANSWERED, (subject) => ask(connection, `$JS.API.${subject}`)))
      await compare(user, (connection) => each(OF_STREAMS, (subject) => ask(connection, `$JS.API.${subject}`)))
    })

    test.each(['A', 'B', 'S'])('what concerns a cluster, nobody answers to account %s', async (user) => {
      await compare(user, (connection) => {
        return each(OF_CLUSTERS, (subject) => ask(connection, `$JS.API.${subject}`, '', SILENCE_MS))
      })
    })

    test('a domain stands before what is asked, and before keys and objects', async () => {
      const subjects = ['INFO', 'STREAM.NAMES', 'FOO', 'DIRECT.GET.none', '$KV.b.k', '$O.b.k', '$OBJ.b.k']
      await compare('A', async (connection) => {
        const config = JSON.stringify({ name: 'KV_b', subjects: ['$KV.b.>'], storage: 'memory' })
        await ask(connection, '$JS.hub.API.STREAM.CREATE.KV_b', config)
        const heard = await each(subjects, (subject) => ask(connection, `$JS.hub.API.${subject}`))
        await ask(connection, '$JS.API.STREAM.DELETE.KV_b')
        return [heard, await ask(connection, '$JS.other.API.INFO')]
      })
    })

    test('the system account, and no other, has the streams of an account deleted', async () => {
      await compare('A', async (connection) => {
        for (const name of ['P', 'Q', 'R']) {
          await ask(connection, `$JS.API.STREAM.CREATE.${name}`, JSON.stringify({ name, subjects: [`${name}.>`] }))
        }
        const refused = await ask(connection, '$JS.API.ACCOUNT.PURGE.A', '', SILENCE_MS)
        return [refused, await ask(connection, '$JS.API.STREAM.NAMES')]
      })
      await compare('S', (connection) => {
        const names = ['none', 'a/b', 'a\\b', 'A']
        return each(names, (name) => ask(connection, `$JS.API.ACCOUNT.PURGE.${name}`))
      })
      await compare('A', async (connection) => {
        const streams = await until('the streams are gone', async () => {
          const answer = (await ask(connection, '$JS.API.STREAM.NAMES')) as { total: number }
          return answer.total === 0 && answer
        })
        const again = JSON.stringify({ name: 'P', subjects: ['P.>'] })
        const created = (await ask(connection, '$JS.API.STREAM.CREATE.P', again)) as { state: unknown }
        return [streams, created.state]
      })
    })
  },
)
