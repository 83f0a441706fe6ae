// A world of a few accounts that export, import and map at random, and what becomes of a message in it: written from
// the rules of docs/security.md, without a look at how src/accounts/ does it. Imports lead from later accounts to
// earlier ones only, so that there is no cycle.

import type { AccountsBlock } from '../../src/options/blocks.ts'
import type { Random } from '../support/random.ts'

const ACCOUNTS = 4
const TOKENS = ['a', 'b', 'c']
/** What stands for a return address of the server, which nobody knows before. */
export const RETURN = '_R_.x.y'

interface Export {
  readonly kind: 'stream' | 'service'
  readonly subject: string
}

interface Import {
  readonly terms: Export
  readonly from: World['accounts'][number]
  /** Filters, there and here. */
  readonly there: string
  readonly here: string
}

interface AccountModel {
  readonly name: string
  readonly exports: readonly Export[]
  readonly streams: Import[]
  readonly services: Import[]
  readonly mappings: Map<string, string>
}

export interface ModelSubscription {
  readonly account: AccountModel
  /** The client that has it, and its number there. */
  readonly client: number
  readonly sid: number
  readonly filter: string
  readonly queue: string
}

export interface World {
  readonly accounts: readonly AccountModel[]
  readonly subscriptions: readonly ModelSubscription[]
}

/** The way that an answer takes: where it is awaited, and the way on from there. Good for one answer. */
export interface WayBack {
  /** The account that answers publish in. */
  readonly answerer: AccountModel
  readonly asker: AccountModel
  readonly reply: string
  readonly next: WayBack | undefined
  readonly terms: Export
  isUsed: boolean
}

/** One message as a subscription sees it. */
export interface Sighting {
  readonly subscription: ModelSubscription
  readonly subject: string
  readonly reply: string
  readonly wayBack: WayBack | undefined
}

/** Those that all see a message, and for each queue group those of whom one does. */
export interface Sightings {
  readonly plain: Sighting[]
  readonly groups: Sighting[][]
}

// ── A world ─────────────────────────────────────────────────────────────────────────────────────────────────

/** `name` begins the names of its accounts; each account has `clients` clients, numbered through. */
export function randomWorld(random: Random, name: string, clients: number): World {
  const accounts: AccountModel[] = []
  for (let i = 0; i < ACCOUNTS; i++) accounts.push(randomAccount(random, `${name}${'ABCD'[i]}`, accounts))
  const subscriptions: ModelSubscription[] = []
  for (const [i, account] of accounts.entries()) {
    for (let sid = 1; sid <= 2 + random.below(3); sid++) {
      const client = i * clients + random.below(clients)
      const filter = random.chance(0.3) ? '>' : randomFilter(random)
      subscriptions.push({ account, client, sid, filter, queue: random.chance(0.4) ? random.pick(['q', 'r']) : '' })
    }
  }
  return { accounts, subscriptions }
}

function randomAccount(random: Random, name: string, earlier: readonly AccountModel[]): AccountModel {
  const exports: AccountModel['exports'][number][] = []
  for (let i = 0; i < 4; i++) {
    const kind = random.chance(0.5) ? 'stream' : 'service'
    const subject = kind === 'stream' && random.chance(0.3) ? '>' : randomFilter(random)
    if (!exports.some((one) => one.kind === kind && one.subject === subject)) exports.push({ kind, subject })
  }
  const account: AccountModel = { name, exports, streams: [], services: [], mappings: new Map() }
  for (let i = 0; i < 3 && earlier.length > 0; i++) {
    const from = random.pick(earlier)
    const terms = random.pick(from.exports)
    const { kind, subject: there } = terms
    const list = kind === 'stream' ? account.streams : account.services
    const here = random.chance(0.5) ? there : `p.${there}`
    // A service subject of one's own leads to one place; of one account's streams one is imported.
    const isTaken = list.some(
      (one) => one.here === here || (one.from === from && (kind === 'stream' || one.there === there)),
    )
    if (!isTaken) {
      list.push({ terms, from, there, here })
    }
  }
  for (const token of TOKENS.slice(0, 2)) {
    if (!random.chance(0.3)) continue
    if (random.chance(0.5)) account.mappings.set(token, randomSubject(random))
    else account.mappings.set(`${token}.*`, random.pick(['b.$1', 'c.$1', 'p.a.$1', '$1.a']))
  }
  return account
}

export function randomSubject(random: Random): string {
  const tokens = Array.from({ length: 1 + random.below(3) }, () => random.pick(TOKENS))
  return (random.chance(0.25) ? ['p', ...tokens] : tokens).join('.')
}

function randomFilter(random: Random): string {
  const tokens = randomSubject(random)
    .split('.')
    .map((token) => (random.chance(0.25) ? '*' : token))
  if (random.chance(0.2)) tokens.push('>')
  return tokens.join('.')
}

/** The block `accounts`, for createServer() or as JSON for a file. Users are named as their accounts are. */
export function configOf(worlds: readonly World[]): AccountsBlock {
  const accounts = worlds.flatMap((world) => world.accounts)
  return Object.fromEntries(
    accounts.map(({ name, exports, streams, services, mappings }) => [
      name,
      {
        users: [{ user: name, password: name }],
        exports: exports.map(({ kind, subject }) => ({ [kind]: subject })),
        imports: [
          ...streams.map(({ from, there, here }) => ({
            stream: { account: from.name, subject: there },
            ...(here === there ? {} : { prefix: 'p' }),
          })),
          ...services.map(({ from, there, here }) => ({ service: { account: from.name, subject: there }, to: here })),
        ],
        mappings: Object.fromEntries(mappings),
      },
    ]),
  )
}

// ── What becomes of a message ───────────────────────────────────────────────────────────────────────────────

function matches(filter: string, subject: string): boolean {
  const expression = filter
    .split('.')
    .map((token) => (token === '*' ? '[^.]+' : token === '>' ? '.+' : token))
    .join('\\.')
  return new RegExp(`^${expression}$`).test(subject)
}

function mapped({ mappings }: AccountModel, subject: string): string {
  for (const [source, destination] of mappings) {
    if (matches(source, subject)) return destination.replace('$1', subject.split('.').at(-1) ?? '')
  }
  return subject
}

/** `p.a.b` to `a.b`, where the import has a prefix; and the other way round. */
const outward = ({ there, here }: Import, subject: string): string => (here === there ? subject : subject.slice(2))
const inward = ({ there, here }: Import, subject: string): string => (here === there ? subject : `p.${subject}`)

/** A client publishes. */
export function published(world: World, account: AccountModel, subject: string, reply: string): Sightings {
  const sightings: Sightings = { plain: [], groups: [] }
  arrive(world, account, mapped(account, subject), { reply, wayBack: undefined }, [], sightings)
  return sightings
}

/** A client answers to a return address. */
export function answered(world: World, way: WayBack): Sightings {
  const sightings: Sightings = { plain: [], groups: [] }
  passBack(world, way, [], sightings)
  return sightings
}

function passBack(world: World, way: WayBack, path: readonly Export[], sightings: Sightings): void {
  arrive(world, way.answerer, RETURN, { reply: '', wayBack: undefined }, path, sightings)
  if (way.isUsed || path.includes(way.terms)) return
  way.isUsed = true
  if (way.next !== undefined) passBack(world, way.next, [...path, way.terms], sightings)
  else if (way.reply !== '') {
    const subject = mapped(way.asker, way.reply)
    arrive(world, way.asker, subject, { reply: '', wayBack: undefined }, [...path, way.terms], sightings)
  }
}

/** A message is in an account under its final subject there; `path`: the service exports that it has passed. */
function arrive(
  world: World,
  account: AccountModel,
  subject: string,
  answerTo: Pick<Sighting, 'reply' | 'wayBack'>,
  path: readonly Export[],
  sightings: Sightings,
): void {
  const groups = new Map<string, Sighting[]>()
  const see = (subscription: ModelSubscription, as: string): void => {
    const sighting = { subscription, subject: as, ...answerTo }
    const { queue } = subscription
    if (queue === '') sightings.plain.push(sighting)
    else groups.set(queue, [...(groups.get(queue) ?? []), sighting])
  }
  for (const subscription of world.subscriptions) {
    if (subscription.account === account && matches(subscription.filter, subject)) see(subscription, subject)
    // What came by a service import does not go on by a stream import.
    if (path.length > 0) continue
    for (const stream of subscription.account.streams) {
      if (stream.from !== account || !matches(stream.there, subject)) continue
      const here = inward(stream, subject)
      if (matches(subscription.filter, here)) see(subscription, here)
    }
  }
  sightings.groups.push(...groups.values())
  for (const service of account.services) {
    // Nor by the same service export a second time.
    if (!matches(service.here, subject) || path.includes(service.terms)) continue
    const { reply, wayBack: next } = answerTo
    const { from: answerer } = service
    const isRequest = reply !== '' || next !== undefined
    const wayBack = isRequest
      ? { answerer, asker: account, reply, next, terms: service.terms, isUsed: false }
      : undefined
    const there = mapped(answerer, outward(service, subject))
    arrive(world, answerer, there, { reply: isRequest ? RETURN : '', wayBack }, [...path, service.terms], sightings)
  }
}
