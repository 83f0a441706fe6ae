// Links of a leaf node and its hub, both nats-servers, recorded as the test runs, and replayed to Heddle in the place of
// either.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import { ended, OPENING, otherOf, type Recording, ROLES, record, type Scenario, type Step } from './conversation.ts'
import { differences, type Meant, unexplained } from './likeness.ts'
import { membersOf, type Operation } from './recording.ts'
import { replay } from './replay.ts'
import { heddle, leafPortOf } from './servers.ts'

/** Joined by a user with a password, and by one with a key and permissions. */
const ACCOUNTS = ['A', 'B'] as const
const HEADER = 'NATS/1.0\r\nK: v\r\n\r\n'
/** Of the leaf node that logs in with a key. */
const KEY = createUser()
const SEED = Buffer.from(KEY.getSeed()).toString()
/** Those that permissions, denied imports and denied exports are about. */
const GUARDED = ['no.up', 'no.down', 'in.a', 'out.a'] as const

const STEPS = ROLES.flatMap((by): Step[] => {
  const other = otherOf(by)
  return ACCOUNTS.flatMap((account): Step[] => [
    {
      name: `${other} subscribes in ${account}`,
      by: other,
      async act(side) {
        const party = await side.party(account)
        for (const subject of ['plain', 'plain', 'wild.*', 'wild.>']) await party.subscribe(subject)
        for (const queue of ['q', 'q', 'q', 'r']) await party.subscribe('work', queue)
        for (const subject of [...GUARDED, 'no.*', 'in.*', 'out.>']) await party.subscribe(subject)
        await (await side.party(account, 'more')).subscribe('work', 'q')
      },
    },
    {
      name: `${by} publishes in ${account}`,
      by,
      async act(side) {
        const party = await side.party(account)
        await party.subscribe('answers.*')
        party.publish('plain', 'one')
        party.publish('plain', '', 'answers.1')
        party.publish('plain', 'three', '', HEADER)
        party.publish('wild.x', 'four', 'answers.2', HEADER)
        party.publish('nobody', 'five')
        party.publish('work', 'six')
        party.publish('work', 'seven', 'answers.3')
        party.publish('work', 'eight', '', HEADER)
        party.publish('work', 'nine', 'answers.4', HEADER)
        party.publish('none', '', 'answers.none')
        for (const subject of GUARDED) party.publish(subject, 'guarded')
      },
    },
    {
      name: `${other} answers in ${account}`,
      by: other,
      async act(side) {
        const party = await side.party(account)
        party.publish('answers.1', 'an answer')
        party.publish('answers.4', 'another one', '', HEADER)
        party.publish('answers', 'to nobody')
      },
    },
    {
      name: `${other} unsubscribes in ${account}`,
      by: other,
      async act(side) {
        const party = await side.party(account)
        // One of the two, the other one, a member of two, the last member of a group, one that may not be told.
        for (const sid of ['1', '2', '5', '6', '8', '9']) await party.unsubscribe(sid)
      },
    },
    {
      name: `${other} limits a subscription in ${account}`,
      by: other,
      async act(side) {
        const party = await side.party(account)
        const sid = await party.subscribe('some')
        party.client.send(`UNSUB ${sid} 2\r\n`)
        await party.flush()
      },
    },
    ...['the first', 'the last', 'one too many'].map(
      (which): Step => ({
        name: `${by} publishes ${which} in ${account}`,
        by,
        async act(side) {
          const party = await side.party(account)
          party.publish('some', which)
        },
      }),
    ),
    { name: `${other} has a client less in ${account}`, by: other, act: (side) => side.leave(account, 'more') },
    { name: `${other} has no client in ${account}`, by: other, act: (side) => side.leave(account) },
  ])
})

/** `isHub`: it is the hub that dials. It would close a link that wants what its remote denies. */
function leafs(isHub: boolean): Scenario {
  const denies = 'deny_imports: "in.a", deny_exports: ["out.*"]'

  return {
    accounts: ACCOUNTS,
    greetings: 2,
    async start(kind, role, folder, port) {
      const url = `127.0.0.1:${port}`
      const remotes = `remotes: [
        { url: "nats://leaf:x@${url}", account: A, compression: off, hub: ${isHub}
          ${isHub ? '' : denies} }
        { url: "nats://${url}", account: B, nkey: ${SEED}, compression: off, hub: ${isHub} }
      ]`
      const permissions = 'publish: { deny: "no.up" }, subscribe: { deny: "no.down" }'
      const file = join(folder, `${role}.conf`)
      const config = `server_name: ${role}
        accounts {
          A { users: [ { user: a, password: x }, { user: leaf, password: x } ] }
          B { users: [ { user: b, password: x }, { nkey: ${KEY.getPublicKey()}, permissions: { ${permissions} } } ] }
        }
        leafnodes { ${role === 'dialler' ? remotes : 'listen: "127.0.0.1:-1", compression: off'} }`
      writeFileSync(file, config)
      return ended(await kind.start(['-c', file]))
    },
    portOf: leafPortOf,
    placeOf(said) {
      const [connect] = membersOf(said, 'CONNECT')
      return connect === undefined ? undefined : `account ${connect['remote_account']}`
    },
    /** The key signs what this server says. */
    adapt({ raw, text }: Operation, [{ nonce }]) {
      const connect: Record<string, unknown> = JSON.parse(text)
      if (connect['sig'] === undefined) return raw
      const signature = Buffer.from(KEY.sign(Buffer.from(`${nonce}`))).toString('base64url')
      return `CONNECT ${JSON.stringify({ ...connect, sig: signature })}\r\n`
    },
    steps: STEPS,
  }
}

/** What Heddle says otherwise than nats-server, and why. */
const MEANT: readonly Meant[] = [
  [/: INFO has proto 2 instead of 3$/, 'a trace does not go to other servers'],
  [/: CONNECT has protocol 2 instead of 3$/, 'the same'],
]

/** There are many steps, each of which waits for both servers. */
const MOST_MS = 90_000

describe.skipIf(missing('natsServer', 'a recorded conversation of leaf nodes'))('leaf nodes', () => {
  describe.each([
    ['whose hub is dialled', false],
    ['whose hub dials', true],
  ])('%s', (_, isHub) => {
    const scenario = leafs(isHub)
    let recording: Promise<Recording> | undefined
    const cases = [0, 2].flatMap((workers) => ROLES.map((role) => ({ kind: heddle(workers), role })))
    test.each(cases)(
      '$kind.name says what nats-server said as the $role',
      { timeout: MOST_MS },
      async ({ kind, role }) => {
        recording ??= record(scenario)
        const recorded = await recording
        const replayed = await replay(recorded, scenario, kind, role)
        const steps = [OPENING, ...scenario.steps].map(({ name }) => name)
        const found = differences(recorded.said[role], replayed.said, steps)
        expect(unexplained(found, MEANT).join('\n')).toBe('')
        expect(replayed.heard).toEqual(recorded.heard[role])
      },
    )
  })
})
