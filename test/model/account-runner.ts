// Plays random worlds of accounts (account-world.ts) on a server and compares who sees what with the model.

import assert from 'node:assert/strict'
import type { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import {
  answered,
  published,
  RETURN,
  randomSubject,
  type Sighting,
  type Sightings,
  type WayBack,
  type World,
} from './account-world.ts'

/** Of one account: enough that there is one on each shard. */
export const CLIENTS = 2
const FENCE = 'fence'

interface Seen {
  /** As keyOf() has it. */
  readonly key: string
  readonly client: number
  readonly reply: string
}

/** A message that was published, by its payload. */
interface Expectation {
  readonly what: string
  readonly sightings: Sightings
  readonly seen: Seen[]
}

/** Everything that one world needs of a server. */
class WorldRun {
  private readonly world: World
  private readonly random: Random
  private readonly clients: RawClient[] = []
  private readonly expected = new Map<string, Expectation>()
  private readonly unexpected: string[] = []
  private readonly fences: number[] = []
  private next = 1
  private messages = 0

  constructor(world: World, random: Random) {
    this.world = world
    this.random = random
  }

  /** Answers how many messages were published. */
  async play(port: number, publishes: number): Promise<number> {
    try {
      await this.connect(port)
      for (let i = 0; i < publishes; i++) this.publish()
      const ways = await this.settle()
      for (const way of ways) this.answer(way.seen, way.sighting)
      await this.settle()
      return this.messages
    } finally {
      await Promise.all(this.clients.map((client) => client.close()))
    }
  }

  private async connect(port: number): Promise<void> {
    for (const [i, { name }] of this.world.accounts.entries()) {
      for (let j = 0; j < CLIENTS; j++) {
        const number = i * CLIENTS + j
        const client = await RawClient.open(port, { user: name, pass: name, headers: true })
        client.onMessage = ({ subject, sid, reply, payload }) =>
          this.see(number, sid, subject, reply, payload.toString('latin1'))
        this.clients.push(client)
        this.fences.push(0)
      }
    }
    for (const { client, sid, filter, queue } of this.world.subscriptions) {
      this.clients[client].send(`SUB ${filter} ${queue} ${sid}\r\n`)
    }
    for (const client of this.clients) client.send(`SUB ${FENCE} ${FENCE}\r\n`)
    // One after the other, so that each finds the subscriptions of all.
    for (const client of this.clients) await client.sync()
  }

  private see(client: number, sid: string, subject: string, reply: string, payload: string): void {
    if (payload === FENCE) {
      if (sid === FENCE) this.fences[client]++
      return
    }
    const key = keyOf(client, sid, subject, reply)
    const expectation = this.expected.get(payload)
    if (expectation === undefined) this.unexpected.push(`${payload}: ${key}`)
    else expectation.seen.push({ key, client, reply })
  }

  private publish(): void {
    const { random, world } = this
    const client = random.below(this.clients.length)
    const account = world.accounts[Math.floor(client / CLIENTS)]
    const subject = randomSubject(random)
    const reply = random.chance(0.7) ? randomSubject(random) : ''
    this.send(
      client,
      `${account.name}: PUB ${subject} ${reply}`,
      subject,
      reply,
      published(world, account, subject, reply),
    )
  }

  private answer({ client, reply }: Seen, { wayBack }: Sighting): void {
    if (wayBack === undefined) return
    this.send(
      client,
      `answer in ${wayBack.answerer.name} for ${wayBack.reply}`,
      reply,
      '',
      answered(this.world, wayBack),
    )
  }

  private send(client: number, what: string, subject: string, reply: string, sightings: Sightings): void {
    const payload = String(this.next++)
    this.expected.set(payload, { what, sightings, seen: [] })
    this.clients[client].send(`PUB ${subject} ${reply} ${payload.length}\r\n${payload}\r\n`)
    this.messages++
  }

  /** Waits until all is there and nothing else can come; answers the requests that were seen, each once. */
  private async settle(): Promise<{ seen: Seen; sighting: Sighting }[]> {
    for (const { what, sightings, seen } of this.expected.values()) {
      const wanted = sightings.plain.length + sightings.groups.length
      await until('deliveries', () => seen.length >= wanted).catch(() => {
        assert.fail(this.differs(what, sightings, seen))
      })
    }
    // What passes a service import takes two ways from shard to shard, one behind the other.
    for (let round = 1; round <= 2; round++) await this.fence()
    assert.deepEqual(this.unexpected, [])
    const requests: { seen: Seen; sighting: Sighting }[] = []
    const taken = new Set<WayBack>()
    for (const { what, sightings, seen } of this.expected.values()) {
      const found = assign(seen, sightings)
      assert(found !== undefined, this.differs(what, sightings, seen))
      for (const pair of found) {
        const { wayBack } = pair.sighting
        // Of two that look the same it is not known which way they came.
        const isAmbiguous = seen.filter(({ key }) => key === pair.seen.key).length > 1
        // An answer is good for the whole way back, and which of two comes first is not known.
        const way = wholeWay(wayBack)
        if (isAmbiguous || way.some((one) => taken.has(one)) || this.random.chance(0.2)) continue
        for (const one of way) taken.add(one)
        requests.push(pair)
      }
    }
    this.expected.clear()
    return requests
  }

  /** Whatever was under way from shard to shard has come. */
  private async fence(): Promise<void> {
    const wanted = this.fences.map((count) => count + CLIENTS)
    for (const client of this.clients) client.send(`PUB ${FENCE} ${FENCE.length}\r\n${FENCE}\r\n`)
    await until('fences', () => this.fences.every((count, i) => count >= wanted[i]))
  }

  private differs(what: string, sightings: Sightings, seen: readonly Seen[]): string {
    const keys = seen.map(({ key }) => key)
    return `${what} (world of seed ${this.random.seed})\nseen ${JSON.stringify(keys)}\nexpected ${show(sightings)}`
  }
}

function wholeWay(way: WayBack | undefined): readonly WayBack[] {
  return way === undefined ? [] : [way, ...wholeWay(way.next)]
}

/** Subjects and replies that the server makes up stand as RETURN. */
function keyOf(client: number, sid: string | number, subject: string, reply: string): string {
  const known = (text: string): string => text.replace(/_R_[.][^.]+[.][^.]+/, RETURN)
  return `${client}/${sid} ${known(subject)} ${known(reply)}`
}

function show(value: unknown): string {
  return JSON.stringify(value, (name, each) => (name === 'account' || name === 'wayBack' ? undefined : each))
}

/** Gives each message that was seen its place in what was to be seen; undefined: it does not fit. */
function assign(seen: readonly Seen[], { plain, groups }: Sightings): { seen: Seen; sighting: Sighting }[] | undefined {
  const slots = [...plain.map((one) => [one]), ...groups]
  if (slots.length !== seen.length) return undefined
  /** The message in each slot. */
  const holder: (number | undefined)[] = slots.map(() => undefined)
  const sightingIn = (slot: number, message: number): Sighting | undefined =>
    slots[slot].find(
      ({ subscription, subject, reply }) =>
        keyOf(subscription.client, subscription.sid, subject, reply) === seen[message].key,
    )
  // Augmenting paths: a message may take a slot whose holder finds another one.
  const place = (message: number, tried: Set<number>): boolean => {
    for (let slot = 0; slot < slots.length; slot++) {
      if (tried.has(slot) || sightingIn(slot, message) === undefined) continue
      tried.add(slot)
      const other = holder[slot]
      if (other !== undefined && !place(other, tried)) continue
      holder[slot] = message
      return true
    }
    return false
  }
  for (let message = 0; message < seen.length; message++) if (!place(message, new Set())) return undefined
  return holder.map((message, slot) => {
    const at = message as number
    return { seen: seen[at], sighting: sightingIn(slot, at) as Sighting }
  })
}

/** Plays a world on the server at `port`, which has been configured for it; answers how many messages it took. */
export function playWorld(world: World, random: Random, port: number, publishes: number): Promise<number> {
  return new WorldRun(world, random).play(port, publishes)
}
