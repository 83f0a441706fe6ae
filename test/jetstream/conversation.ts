// Conversations with a JetStream server: requests to its API and messages to its streams, with what comes back as JSON
// in which everything that differs between two servers by chance (times, ids, names) is replaced by a word.

import { createInbox, headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'

/** A request or a message, with what is to come back: one answer, several up to a status, or nothing. */
export interface Step {
  /** One of these: a subject behind `$JS.API.`, one behind `$JS.API.DIRECT.GET.`, or a whole one. */
  readonly api?: string
  readonly direct?: string
  readonly publish?: string
  /** A text, or what is sent as JSON. */
  readonly body?: unknown
  readonly header?: Readonly<Record<string, string>> | undefined
  /** Default: `one`. */
  readonly hears?: 'one' | 'several' | 'nothing'
  /** Messages of fast batches, and then one to `publish`: what is told of all of them is heard up to its answer. */
  readonly fast?: readonly FastMessage[]
  /** How many things are told of them, where the last message is not answered behind them. */
  readonly tells?: number
  /** What comes on this subject because of it, so many messages, is heard instead. */
  readonly copies?: readonly [subject: string, count: number]
}

/** A message whose reply subject has this behind a prefix, as in `b.10.ok.1.0`. */
export interface FastMessage {
  readonly subject: string
  readonly place: string
  readonly body?: string
  readonly header?: Readonly<Record<string, string>> | undefined
}

/** How long to wait for an answer that does not come. */
const SILENCE_MS = 300
const ANSWER_MS = 5000

/** One thing that came back: its JSON, or its text; a status; or nothing. */
export type Heard = unknown

/** Takes the steps one after the other, over a connection of its own. */
export async function converse(port: number, steps: readonly Step[]): Promise<Heard[]> {
  const connection = await connect({ port, ignoreClusterUpdates: true })
  try {
    const heard: Heard[] = []
    for (const step of steps) heard.push(await take(connection, step))
    return heard
  } finally {
    await connection.close()
  }
}

async function take(connection: NatsConnection, step: Step): Promise<Heard> {
  const { body, header, hears } = step
  const payload = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const given = header === undefined ? {} : { headers: headersOf(header) }
  if (step.copies !== undefined) return takeCopies(connection, step.copies, subjectOf(step), payload, given)
  if (step.fast !== undefined) return takeFast(connection, step, subjectOf(step), payload)
  if (hears === 'several') return takeSeveral(connection, subjectOf(step), payload)
  try {
    const timeout = hears === 'nothing' ? SILENCE_MS : ANSWER_MS
    return shown(await connection.request(subjectOf(step), payload, { ...given, timeout }))
  } catch (error) {
    return (error as Error).name
  }
}

/** All answers, the status at their end included. */
async function takeSeveral(connection: NatsConnection, subject: string, payload: string): Promise<Heard> {
  const reply = createInbox()
  const answers = connection.subscribe(reply)
  connection.publish(subject, payload, { reply })
  const heard: Heard[] = []
  for await (const answer of answers) {
    heard.push(shown(answer))
    if ((answer.headers?.code ?? 0) > 0) break
  }
  return heard
}

async function takeFast(
  connection: NatsConnection,
  { fast = [], tells = 0 }: Step,
  last: string,
  payload: string,
): Promise<Heard> {
  const prefix = createInbox()
  const heard: unknown[] = []
  const all = Promise.withResolvers<void>()
  const inbox = connection.subscribe(`${prefix}.>`, {
    callback: (error, message) => {
      heard.push([message.subject.slice(prefix.length + 1), error ?? shown(message)])
      if (heard.length >= tells) all.resolve()
    },
  })
  for (const { body = '', header, place, subject } of fast) {
    const given = header === undefined ? {} : { headers: headersOf(header) }
    connection.publish(subject, body, { ...given, reply: `${prefix}.${place}.$FI` })
  }
  if (tells > 0) await all.promise
  heard.push(shown(await connection.request(last, payload, { timeout: ANSWER_MS })))
  inbox.unsubscribe()
  return heard
}

async function takeCopies(
  connection: NatsConnection,
  [subject, count]: readonly [string, number],
  to: string,
  payload: string,
  given: { headers?: MsgHdrs },
): Promise<Heard> {
  const copies = connection.subscribe(subject, { max: count })
  const answer = await connection.request(to, payload, { ...given, timeout: ANSWER_MS })
  const late = setTimeout(() => copies.unsubscribe(), ANSWER_MS)
  const heard = [shown(answer)]
  for await (const copy of copies) heard.push([copy.subject, shown(copy)])
  clearTimeout(late)
  return heard
}

function subjectOf({ api, direct, publish }: Step): string {
  return publish ?? `$JS.API.${api ?? `DIRECT.GET.${direct}`}`
}

function headersOf(header: NonNullable<Step['header']>) {
  const all = headers()
  for (const [name, value] of Object.entries(header)) all.set(name, value)
  return all
}

function shown(answer: Msg): Heard {
  const text = answer.string()
  const body = text.startsWith('{') ? masked(JSON.parse(text)) : text
  if (answer.headers === undefined) return body
  const lines = answer.headers.keys().map((name) => [name, maskedText(name, answer.headers?.get(name) ?? '')])
  return { status: answer.headers.code, words: answer.headers.description, headers: lines, body }
}

const TIMES = new Set(['created', 'ts', 'first_ts', 'last_ts', 'time', 'Nats-Time-Stamp', 'last_active', 'pinned_ts'])
/** These too, if they are times. */
const MAY_BE_TIMES = new Set(['Nats-Schedule-Next'])
const OF_SERVERS = new Set(['leader', '_nats.ver'])

export function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      return [name, typeof item === 'string' ? maskedText(name, item) : masked(item)]
    }),
  )
}

function maskedText(name: string, text: string): string {
  if (MAY_BE_TIMES.has(name)) return text.replace(/^\d{4}-\S*?(Z|[-+]\d\d:\d\d)$/, 'a time of zone $1')
  if (TIMES.has(name)) return text.startsWith('0001-') ? 'never' : /^\d{4}-.*Z$/.test(text) ? 'a time' : text
  // What Go says of JSON that it cannot read is its own.
  if (name === 'description' && text.startsWith('invalid JSON')) return 'invalid JSON'
  return OF_SERVERS.has(name) ? 'of the server' : text
}
