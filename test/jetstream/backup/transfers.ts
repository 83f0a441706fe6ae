// Streams on their way from one server to another, for tests: filled, taken as backups over the API, brought back, and
// compared.

import { createInbox, headers, type NatsConnection } from '@nats-io/nats-core'
import type { Members } from '../talk.ts'

const ANSWER_MS = 20_000
const PAGE = 500

export interface Answer extends Members {
  readonly error?: { readonly err_code: number; readonly description: string }
}

/** A request to the API. */
export async function ask<T = Answer>(connection: NatsConnection, subject: string, body: unknown = ''): Promise<T> {
  const payload = body === '' ? '' : JSON.stringify(body)
  return (await connection.request(`$JS.API.${subject}`, payload, { timeout: ANSWER_MS })).json()
}

/** One message of a snapshot. */
interface Chunk {
  readonly bytes: Uint8Array
  readonly reply: string
  readonly status: string
}

export interface Taken {
  readonly answer: Answer
  readonly chunks: readonly Chunk[]
}

/** Takes a snapshot; `acknowledges`: as a client should. */
export async function take(
  connection: NatsConnection,
  stream: string,
  more: Members = {},
  acknowledges = true,
): Promise<Taken> {
  const inbox = createInbox()
  const heard = connection.subscribe(inbox)
  const answer = await ask(connection, `STREAM.SNAPSHOT.${stream}`, { deliver_subject: inbox, ...more })
  const chunks: Chunk[] = []
  if (answer.error !== undefined) return { answer, chunks }
  for await (const { data, headers, reply = '' } of heard) {
    chunks.push({ bytes: data, reply, status: headers === undefined ? '' : `${headers.code} ${headers.description}` })
    if (data.length === 0) break
    if (reply !== '' && acknowledges) connection.publish(reply)
  }
  return { answer, chunks }
}

/** Brings a stream back; answers what its last chunk, or the first that was refused, was answered by. */
export async function bring(
  connection: NatsConnection,
  stream: string,
  config: unknown,
  chunks: readonly Uint8Array[],
): Promise<Answer> {
  const begun = await ask(connection, `STREAM.RESTORE.${stream}`, { config, state: {} })
  if (begun.error !== undefined) return begun
  for (const chunk of [...chunks, new Uint8Array()]) {
    const answer = await connection.request(String(begun['deliver_subject']), chunk, { timeout: ANSWER_MS })
    if (answer.data.length > 0) return answer.json()
  }
  throw new Error('the last chunk was not answered')
}

interface Info extends Answer {
  readonly state: { readonly first_seq: number; readonly last_seq: number; readonly messages: number }
}

/** All that a stream has: its state, its messages (times to the microsecond), its consumers. */
export async function contentsOf(connection: NatsConnection, stream: string): Promise<unknown> {
  const { state } = await ask<Info>(connection, `STREAM.INFO.${stream}`)
  const messages: unknown[] = []
  for (let from = state.first_seq; from <= state.last_seq; from += PAGE) {
    const sequences = Array.from({ length: Math.min(PAGE, state.last_seq + 1 - from) }, (_, i) => from + i)
    messages.push(...(await Promise.all(sequences.map((seq) => messageAt(connection, stream, seq)))))
  }
  const { consumers } = await ask<{ consumers: readonly Members[] }>(connection, `CONSUMER.LIST.${stream}`)
  const { first_seq, last_seq, messages: count } = state
  return { first_seq, last_seq, count, messages, consumers: consumers.map(comparable) }
}

async function messageAt(connection: NatsConnection, stream: string, seq: number): Promise<unknown> {
  const { message } = await ask<{ message?: Members }>(connection, `STREAM.MSG.GET.${stream}`, { seq })
  const time = String(message?.['time'] ?? '')
  return message && { ...message, time: time.replace(/(\.\d{1,6})\d*Z$/, '$1Z').replace(/\.?0*Z$/, 'Z') }
}

function comparable({ ack_floor, config, delivered, name, num_ack_pending, num_pending, num_redelivered }: Members) {
  const places = [ack_floor, delivered].map((place) => {
    const { consumer_seq, stream_seq } = place as Members
    return { consumer_seq, stream_seq }
  })
  const { metadata: _metadata, ...said } = config as Members
  return { name, config: said, places, num_ack_pending, num_pending, num_redelivered }
}

/** Fills a stream with what is worth keeping: headers, gaps, a lost end, consumers that are in the middle. */
export async function fill(connection: NatsConnection, name: string, storage: string, count: number): Promise<void> {
  await ask(connection, `STREAM.CREATE.${name}`, { name, storage, subjects: [`${name}.>`], first_seq: 5 })
  const inbox = createInbox()
  const acks = connection.subscribe(inbox)
  for (let i = 0; i < count; i++) {
    const given = headers()
    if (i % 3 === 0) given.set('Number', String(i))
    const payload = `${i} `.repeat(i % 40)
    connection.publish(`${name}.${i % 7}`, payload, { reply: inbox, ...(i % 3 === 0 ? { headers: given } : {}) })
  }
  let heard = 0
  for await (const _ of acks) if (++heard === count) break
  for (const seq of [6, 7, 20, 4 + count]) await ask(connection, `STREAM.MSG.DELETE.${name}`, { seq })
  const consumers: readonly Members[] = [
    { durable_name: 'explicit', ack_policy: 'explicit', ack_wait: 600e9, max_ack_pending: 50 },
    { durable_name: 'filtered', ack_policy: 'all', ack_wait: 600e9, filter_subject: `${name}.3` },
    { durable_name: 'fresh', ack_policy: 'explicit', deliver_policy: 'new' },
    { durable_name: 'pushing', ack_policy: 'none', deliver_subject: `heard.${name}` },
  ]
  for (const config of consumers) {
    await ask(connection, `CONSUMER.CREATE.${name}.${config['durable_name']}`, { stream_name: name, config })
  }
  for (const consumer of ['explicit', 'filtered']) {
    const next = createInbox()
    const messages = connection.subscribe(next, { max: 10 })
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${name}.${consumer}`, '10', { reply: next })
    let delivered = 0
    for await (const { reply = '' } of messages) {
      delivered++
      if ([1, 2, 5].includes(delivered)) await connection.request(reply, '+ACK', { timeout: ANSWER_MS })
      if (delivered === 10) break
    }
  }
}
