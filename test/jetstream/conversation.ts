// Conversations with a JetStream server: requests to its API and messages to its streams, with what comes back as JSON
// in which everything that differs between two servers by chance (times, ids, names) is replaced by a word.

import { headers, type Msg, type NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'

/** What a step sends, and whether nobody is to answer it. */
export type Step = { readonly silence?: true } /** To `$JS.API.` and this subject; an object is sent as JSON. */ & (
  | { readonly api: string; readonly body?: unknown; readonly header?: Headers | undefined }
  /** A message, with a request for its acknowledgement unless it is `silent`. */
  | {
      readonly publish: string
      readonly payload?: string
      readonly header?: Headers | undefined
      readonly silent?: true
    }
)

type Headers = Readonly<Record<string, string>>

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
  const subject = 'api' in step ? `$JS.API.${step.api}` : step.publish
  const given = 'api' in step ? step.body : step.payload
  const payload = given === undefined ? '' : typeof given === 'string' ? given : JSON.stringify(given)
  const { header } = step
  const sent = header === undefined ? {} : { headers: headersOf(header) }
  if ('publish' in step && step.silent === true) {
    connection.publish(subject, payload, sent)
    await connection.flush()
    return 'published'
  }
  try {
    const answer = await connection.request(subject, payload, {
      ...sent,
      timeout: step.silence ? SILENCE_MS : ANSWER_MS,
    })
    return shown(answer)
  } catch (error) {
    return (error as Error).name
  }
}

function headersOf(header: Headers) {
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

const TIMES = new Set(['created', 'ts', 'first_ts', 'last_ts', 'time', 'Nats-Time-Stamp'])
const OF_SERVERS = new Set(['leader', '_nats.ver'])

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      return [name, typeof item === 'string' ? maskedText(name, item) : masked(item)]
    }),
  )
}

function maskedText(name: string, text: string): string {
  if (TIMES.has(name)) return text.startsWith('0001-') ? 'never' : /^\d{4}-.*Z$/.test(text) ? 'a time' : text
  // What Go says of JSON that it cannot read is its own.
  if (name === 'description' && text.startsWith('invalid JSON')) return 'invalid JSON'
  return OF_SERVERS.has(name) ? 'of the server' : text
}
