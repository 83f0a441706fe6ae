// Random operations of three connections in two accounts with permissions, imports, exports and mappings, sent to two
// servers at the same time: what each connection reads after each operation is to be the same. Half of the names are
// odd on purpose: reserved prefixes, empty tokens, wildcards.

import type { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'

/** In quotes where the grammar of a file wants it. */
export const CONFIG = `
accounts {
  A {
    users: [
      { user: free, password: p }
      { user: held, password: p, permissions: {
          publish: { allow: ["a.>", "m.*.*", "w.>", "svc.>", "$JS.>", "_R_.>"], deny: "a.secret" }
          subscribe: { deny: ["a.secret", "*.hidden"] } } }
    ]
    exports: [ { service: "b.req" }, { service: "svc.>" }, { stream: "b.>" }, { stream: "a.*" } ]
    mappings: { "m.*.*": "w.$2.$1", "t.>": "a.>", "b.req": "b.mapped", "gr": "$GR.x", "o.*.>": "o2.$1.>" }
  }
  B {
    users: [ { user: other, password: p } ]
    imports: [
      { service: { account: A, subject: "b.req" } }
      { service: { account: A, subject: "svc.>" }, to: "ask.>" }
      { stream: { account: A, subject: "b.>" }, prefix: from }
      { stream: { account: A, subject: "a.*" } }
    ]
    mappings: { "go": "ask.a", "reply": "reply2" }
  }
}`

const USERS = ['free', 'held', 'other']
const HEADS = ['a', 'b', 'm', 't', 'o', 'w', 'svc', 'ask', 'from', '$GR', '_GR_', '_R_', '$JS', '$NRG', '$SYS', '$gr']
const TOKENS = ['a', 'b', 'req', 'secret', 'hidden', 'mapped', 'ACK', '*', '>', '', 'x*', '>x']
const WHOLE = ['go', 'gr', 'reply', 'b.req', 'ask.a', '>', '*', 'm.a.b', 't.a', 'a.secret']

export interface Operation {
  readonly connection: number
  readonly bytes: string
}

/** Where the two may differ: what matches `text` is compared as `as`. */
export const AGREED: readonly { readonly why: string; readonly text: RegExp; readonly as: string }[] = [
  { why: 'return addresses are made up', text: /_R_[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+/g, as: '_R_' },
  { why: 'round trip times are measured', text: /"rtt":[0-9]+/g, as: '"rtt"' },
  {
    why: 'of several subscriptions that match the reply subject, nats-server tells any that nobody responds, we the first',
    text: /^([^ ]+) [^ ]+ ( NATS[/]1[.]0 503)/,
    as: '$1$2',
  },
]

function randomName(random: Random): string {
  if (random.chance(0.3)) return random.pick(WHOLE)
  const tokens = Array.from({ length: random.below(4) }, () => random.pick(random.chance(0.7) ? ['a', 'b'] : TOKENS))
  return [random.pick(HEADS), ...tokens].join('.')
}

export function randomOperation(random: Random, number: number): Operation {
  const connection = random.below(USERS.length)
  const sid = 1 + random.below(6)
  const name = randomName(random)
  const reply = random.chance(0.5) ? randomName(random) : ''
  const kind = random.next()
  if (kind < 0.2) {
    // Who gets it of several members is a matter of chance: groups have one.
    const queue = random.chance(0.3) ? `q${connection}.${sid}` : ''
    return { connection, bytes: `SUB ${random.chance(0.3) ? random.pick(['>', '*.*', 'a.>']) : name} ${queue} ${sid}` }
  }
  if (kind < 0.3) return { connection, bytes: `UNSUB ${sid}` }
  const payload = `${number}`
  if (kind < 0.85) return { connection, bytes: `PUB ${name} ${reply} ${payload.length}\r\n${payload}` }
  const headers = 'NATS/1.0\r\nA: 1\r\n\r\n'
  const size = headers.length
  return { connection, bytes: `HPUB ${name} ${reply} ${size} ${size + payload.length}\r\n${headers}${payload}` }
}

/** The three connections to one server. */
export class Trio {
  private readonly clients: RawClient[] = []
  /** What came since the last look, by connection. */
  private readonly seen: string[][] = USERS.map(() => [])

  static async open(port: number): Promise<Trio> {
    const trio = new Trio()
    for (const [i, user] of USERS.entries()) {
      const client = await RawClient.open(port, { user, pass: 'p', headers: true, no_responders: true })
      client.onMessage = ({ subject, sid, reply, header, payload }) => {
        trio.seen[i].push(agreed(`${subject} ${sid} ${reply} ${header} ${payload}`))
      }
      client.onLine = (line) => {
        if (line === 'PONG') return false
        trio.seen[i].push(agreed(line))
        return true
      }
      trio.clients.push(client)
    }
    return trio
  }

  /** Sends an operation; answers what each connection has read of it. */
  async play({ connection, bytes }: Operation): Promise<string> {
    this.clients[connection].send(`${bytes}\r\n`)
    await this.clients[connection].sync()
    // An answer of the server may follow what another connection reads.
    for (let round = 0; round < 2; round++) for (const client of this.clients) await client.sync()
    const text = JSON.stringify(this.seen.map((lines) => lines.sort()))
    for (const lines of this.seen) lines.length = 0
    return text
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()))
  }
}

function agreed(line: string): string {
  return AGREED.reduce((text, { text: differing, as }) => text.replace(differing, as), line)
}

/** Plays operations on both; throws at the first difference. */
export async function compare(ours: Trio, theirs: Trio, random: Random, operations: number): Promise<void> {
  const latest: string[] = []
  for (let number = 1; number <= operations; number++) {
    const operation = randomOperation(random, number)
    latest.push(`${USERS[operation.connection]}: ${JSON.stringify(operation.bytes)}`)
    const [got, wanted] = await Promise.all([ours.play(operation), theirs.play(operation)])
    if (got === wanted) continue
    const subscriptions = latest.filter((one) => /: "(?:UN)?SUB/.test(one)).slice(-40)
    throw new Error(
      `seed ${random.seed}, operation ${number}\n${latest.at(-1)}\nours   ${got}\ntheirs ${wanted}\n${subscriptions.join('\n')}`,
    )
  }
}
