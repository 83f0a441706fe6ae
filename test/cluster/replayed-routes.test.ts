// Routes of two nats-servers, recorded as the test runs, and replayed to Heddle in the place of either.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { missing } from '../support/peers.ts'
import {
  ended,
  OPENING,
  otherOf,
  type Recording,
  ROLES,
  type Role,
  record,
  type Scenario,
  type Step,
} from './conversation.ts'
import { differences, type Meant, unexplained } from './likeness.ts'
import { membersOf, type Operation } from './recording.ts'
import { replay } from './replay.ts'
import { heddle } from './servers.ts'

/** Of the pool, and with a route of its own: clients of these talk. */
const TALKING = ['A', 'P'] as const
/** B shares a route of the pool with A. */
const ACCOUNTS = [...TALKING, 'B'] as const
const HEADER = 'NATS/1.0\r\nK: v\r\n\r\n'

function placeOf(said: readonly Operation[]): string | undefined {
  const [info] = membersOf(said, 'INFO')
  if (info === undefined) return undefined
  const account = info['route_account']
  return account === undefined ? `pool ${info['route_pool_idx'] ?? 0}` : `account ${account}`
}

const MESSAGES = ROLES.flatMap((by): Step[] => {
  const other = otherOf(by)
  return TALKING.flatMap((account): Step[] => [
    {
      name: `${other} subscribes in ${account}`,
      by: other,
      async act(side) {
        const party = await side.party(account)
        for (const subject of ['plain', 'plain', 'wild.*', 'wild.>', 'plain.sub']) await party.subscribe(subject)
        for (const queue of ['q', 'q', 'q', 'r']) await party.subscribe('work', queue)
        await party.subscribe('work.*', 'q')
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
        party.publish('work.x', 'ten', 'answers.4', HEADER)
        party.publish('none', '', 'answers.none')
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
        // One of the two, the other one, a member of two, the last member of a group.
        for (const sid of ['1', '2', '6', '7', '9']) await party.unsubscribe(sid)
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

/** Its events, which the other server hears: of itself, and of the connections of each account. */
const tellsNumbers = (by: Role): Step => ({
  name: `${by} tells numbers`,
  by,
  async act(side) {
    for (const account of ACCOUNTS) await side.party(account, 'counted')
  },
  awaits: (said) =>
    ['STATSZ', ...ACCOUNTS.map((account) => `ACCOUNT.${account}.CONNS`)].every((event) =>
      said.some(({ verb, text }) => verb === 'RMSG' && text.startsWith('$SYS.SERVER.') && text.includes(`${event} `)),
    ),
})

const goesLame = (by: Role): Step => ({
  name: `${by} goes lame`,
  by,
  act: async (side) => void side.program.child.kill('SIGUSR2'),
  awaits: (said) => membersOf(said, 'INFO').some(({ ldm }) => ldm === true),
})

const ROUTES: Scenario = {
  accounts: ACCOUNTS,
  greetings: 1,
  async start(kind, role, folder, port) {
    const routes = port === 0 ? '' : `routes: [ "nats://127.0.0.1:${port}" ]`
    const accounts = ACCOUNTS.map((name) => `${name} { users: [ { user: ${name.toLowerCase()}, password: x } ] }`)
    const file = join(folder, `${role}.conf`)
    const config = `server_name: ${role}
      accounts { ${accounts.join('\n')} }
      cluster { name: C, listen: "127.0.0.1:-1", accounts: [ P ], ${routes} }`
    writeFileSync(file, config)
    return ended(await kind.start(['-c', file]))
  },
  async portOf(acceptor) {
    return Number((await acceptor.until(/Listening for route connections on \S*:(\d+)/))[1])
  },
  placeOf,
  steps: [...ROLES.map(tellsNumbers), ...MESSAGES, ...ROLES.map(goesLame)],
}

/** What Heddle says otherwise than nats-server, and why. */
const MEANT: readonly Meant[] = [
  [/: INFO has proto 2 instead of 3$/, 'a trace does not go to other servers'],
  [/: INFO lacks nonce$/, 'nobody signs one on a route'],
  [/: lacks RS\+ \$SYS\.REQ\.(SERVER\.(<id>|PING)|ACCOUNT\.\*)\.\w+$/, 'one wildcard for all names'],
  [/: has RS\+ \$SYS\.REQ\.(SERVER\.(<id>|PING)|ACCOUNT\.\*)\.\*$/, 'one wildcard for all names'],
  [/: lacks RS\+ \$SYS\.(REQ\.)?ACCOUNT\.\*\.CLAIMS\.UPDATE$/, 'there are no tokens without an operator'],
  [/: lacks RS\+ \$SYS\.SERVER\.\*\.(STATSZ|LAMEDUCK)$/, 'nothing depends on them'],
  [/: lacks RS\+ \$SYS\._INBOX_?\.<(own|id)>(\.\*)?$/, 'it asks other servers nothing'],
  [/: lacks RS\+ \$SYS\.ACCOUNT\.\*\.LEAFNODE\.CONNECT$/, 'for gateways alone'],
  [/: lacks RS\+ \$SYS\.LATENCY\.M2\.<own>$/, 'a latency is measured by one server'],
]

/** There are many steps, each of which waits for both servers. */
const MOST_MS = 90_000

let recording: Promise<Recording> | undefined

const CASES = [0, 2].flatMap((workers) => ROLES.map((role) => ({ kind: heddle(workers), role })))

describe.skipIf(missing('natsServer', 'a recorded conversation of routes'))('routes', () => {
  test.each(CASES)(
    '$kind.name says what nats-server said as the $role',
    { timeout: MOST_MS },
    async ({ kind, role }) => {
      recording ??= record(ROUTES)
      const recorded = await recording
      const replayed = await replay(recorded, ROUTES, kind, role)
      const steps = [OPENING, ...ROUTES.steps].map(({ name }) => name)
      const found = differences(recorded.said[role], replayed.said, steps)
      expect(unexplained(found, MEANT).join('\n')).toBe('')
      expect(replayed.heard).toEqual(recorded.heard[role])
    },
  )
})
