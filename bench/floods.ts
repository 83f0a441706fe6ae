// Floods: what one client can send without a pause, each kind costly in a way of its own (fair-turns.ts).

import { join } from 'node:path'
import { Random } from '../test/support/random.ts'
import { DEFAULTS, type Setup } from './setups.ts'

export interface Flood {
  readonly name: string
  readonly setup: Setup
  /** Members of the flooder's CONNECT. */
  readonly connect: object
  /** What the flooder sends first. */
  readonly prelude: string
  /** What it repeats: the text and how many operations that is. */
  readonly cycle: () => { readonly text: string; readonly operations: number }
  readonly cycles?: number
}

const SEED = 1
/** A cycle of small operations has so many. */
const OPERATIONS = 20_000

const setup = (text: (folder: string) => string): Setup => ({
  transport: 'tcp',
  configuration: (folder) => text(folder),
})

/** `count` operations made by number, with random numbers of a fixed seed. */
function cycleOf(count: number, operation: (random: Random, i: number) => string): Flood['cycle'] {
  return () => {
    const random = new Random(SEED)
    return { text: Array.from({ length: count }, (_, i) => operation(random, i)).join(''), operations: count }
  }
}

const flood = (name: string, cycle: Flood['cycle'], more: Partial<Flood> = {}): Flood => ({
  name,
  setup: DEFAULTS,
  connect: {},
  prelude: '',
  cycle,
  ...more,
})

const name = (random: Random): string => `f${random.below(2 ** 31).toString(36)}`
const publish = (subject: string, payload = 'x'.repeat(16), reply = ''): string =>
  `PUB ${subject} ${reply === '' ? '' : `${reply} `}${payload.length}\r\n${payload}\r\n`

/** All filters of `depth` tokens that are `a` or `*`. */
function filtersOf(depth: number): string[] {
  return Array.from({ length: 2 ** depth }, (_, i) =>
    Array.from({ length: depth }, (_, bit) => (((i >> bit) & 1) === 1 ? 'a' : '*')).join('.'),
  )
}

const subscribe = (filters: readonly string[]): string => filters.map((filter, i) => `SUB ${filter} ${i}\r\n`).join('')
const repeated = (text: string, times: number): Flood['cycle'] => {
  return () => ({ text: text.repeat(times), operations: times })
}

const HEADERS = 'NATS/1.0\r\nNats-Trace-Dest: trace.here\r\n\r\n'
const MANY = 100_000

export const FLOODS: readonly Flood[] = [
  flood('one subject', repeated(publish('flood'), OPERATIONS)),
  flood(
    'random subjects nobody hears',
    cycleOf(OPERATIONS, (random) => publish(`flood.${name(random)}`)),
  ),
  flood('weighted mapping', repeated(publish('map.here'), OPERATIONS), {
    setup: setup(
      () => 'mappings { "map.here": [{ destination: to.a, weight: 50% }, { destination: to.b, weight: 50% }] }\n',
    ),
  }),
  flood(
    'denied subjects, with a log file',
    cycleOf(OPERATIONS, (random) => publish(`no.${name(random)}`)),
    {
      setup: {
        ...setup(
          (folder) => `log_file: "${join(folder, 'server.log')}"
no_auth_user: u
authorization { users: [{ user: u, password: p, permissions { publish { deny: "no.>" } } }] }
`,
        ),
        logsToFile: true,
      },
    },
  ),
  flood(
    'SUB and UNSUB',
    cycleOf(OPERATIONS / 2, (random, i) => `SUB s.${name(random)}.* ${i}\r\nUNSUB ${i}\r\n`),
  ),
  flood('PING', repeated('PING\r\n', OPERATIONS)),
  flood('traced messages', repeated(`HPUB traced ${HEADERS.length} ${HEADERS.length + 1}\r\n${HEADERS}x\r\n`, 100), {
    connect: { headers: true },
  }),
  flood(
    'empty payloads, one by one',
    cycleOf(OPERATIONS, (_, i) => publish(`tiny.${i % 2}`, '')),
  ),
  flood('1 MiB payloads', repeated(publish('huge', 'x'.repeat(2 ** 20)), 4)),
  flood('verbose', repeated(publish('flood'), OPERATIONS), { connect: { verbose: true } }),
  flood('unknown verbs', repeated('JUMP\r\n', 1)),
  flood(
    'requests without responders',
    cycleOf(OPERATIONS, (random) => publish('nobody.here', 'x', `_INBOX.f.${name(random)}`)),
    { connect: { headers: true, no_responders: true }, prelude: 'SUB _INBOX.f.> 1\r\n' },
  ),
  flood(
    'calls of a service of another account',
    cycleOf(OPERATIONS, (random) => publish('call.it', 'x', `_INBOX.f.${name(random)}`)),
    {
      setup: setup(
        () => `no_auth_user: c
accounts {
  SERVER { users: [{ user: s, password: p }], exports: [{ service: it }] }
  CALLER { users: [{ user: c, password: p }], imports: [{ service: { account: SERVER, subject: it }, to: call.it }] }
}
`,
      ),
    },
  ),
  flood(
    'subjects that 300 of 16,384 filters match',
    cycleOf(100, (random) => publish(Array.from({ length: 14 }, () => random.pick(['a', 'b'])).join('.'), 'x')),
    { prelude: subscribe(filtersOf(14)) },
  ),
  flood('a subject with 10,000 subscriptions', repeated(publish('wide', 'x'), 10), {
    prelude: subscribe(Array.from({ length: 10_000 }, () => 'wide')),
  }),
  flood(
    'connections with 100,000 subscriptions',
    () => ({ text: Array.from({ length: MANY }, (_, i) => `SUB many.${i} ${i}\r\n`).join(''), operations: MANY }),
    { cycles: 1 },
  ),
]
