// A client that talks with a JetStream server about consumers and keeps a record of all that it hears: subjects, reply
// subjects, statuses, headers and bodies, in which everything that differs between two servers by chance is replaced.

import { createInbox, headers, type Msg, type NatsConnection, type Subscription } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { until } from '../support/until.ts'
import { masked } from './conversation.ts'

const ANSWER_MS = 10_000
/** How long to wait for what does not come. */
const SILENCE_MS = 300

export type Members = Readonly<Record<string, unknown>>
/** What an answer of the API has, where it is looked at. */
export interface Answer extends Members {
  readonly config?: Members
  readonly error?: Members
  readonly name?: string
}

export class Talk {
  readonly connection: NatsConnection
  private readonly heard = new Map<Subscription, AsyncIterator<Msg>>()
  /** In the order of what was said. */
  readonly record: unknown[] = []

  static async begin(port: number): Promise<Talk> {
    return new Talk(await connect({ port, ignoreClusterUpdates: true }))
  }

  private constructor(connection: NatsConnection) {
    this.connection = connection
  }

  async end(): Promise<void> {
    await this.connection.close()
  }

  /** A request to the API. */
  async api(subject: string, body?: unknown): Promise<Answer> {
    const payload = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await this.connection.request(`$JS.API.${subject}`, payload, { timeout: ANSWER_MS })
    const members = answer.json() as Answer
    this.record.push({ api: subject, body, answer: maskedEvent(masked(members)) })
    return members
  }

  /** A stream in memory, of all subjects under its name. */
  stream(name: string, more: Members = {}): Promise<Answer> {
    return this.api(`STREAM.CREATE.${name}`, { name, storage: 'memory', subjects: [`${name}.>`], ...more })
  }

  /** A consumer of a stream; `config` has its name. */
  consumer(stream: string, config: Members, more: Members = {}): Promise<Answer> {
    const name = String(config['name'] ?? config['durable_name'])
    return this.api(`CONSUMER.CREATE.${stream}.${name}`, { stream_name: stream, config, ...more })
  }

  info(stream: string, consumer: string): Promise<Answer> {
    return this.api(`CONSUMER.INFO.${stream}.${consumer}`)
  }

  /** Puts a message into a stream. */
  async put(subject: string, body = '', given: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = headers()
    for (const [name, value] of Object.entries(given)) all.set(name, value)
    const options = Object.keys(given).length === 0 ? {} : { headers: all }
    await this.connection.request(subject, body, { ...options, timeout: ANSWER_MS })
  }

  async fill(subject: string, count: number): Promise<void> {
    for (let i = 1; i <= count; i++) await this.put(subject, `message ${i}`)
  }

  /** Begins to listen. */
  async listen(subject: string, queue = ''): Promise<Subscription> {
    const subscription = this.connection.subscribe(subject, queue === '' ? {} : { queue })
    await this.connection.flush()
    this.heard.set(subscription, subscription[Symbol.asyncIterator]())
    return subscription
  }

  /** The next messages that come, recorded: so many, or up to one that says that there are no more. */
  async next(from: Subscription, count = 1): Promise<Msg[]> {
    const messages: Msg[] = []
    const late = setTimeout(() => from.unsubscribe(), ANSWER_MS)
    let isOver = false
    while (messages.length < count && !isOver) {
      const heard = await this.heard.get(from)?.next()
      if (heard === undefined || heard.done === true) break
      messages.push(heard.value)
      this.record.push(shown(heard.value))
      isOver = (heard.value.headers?.code ?? 0) >= 400
    }
    clearTimeout(late)
    if (messages.length < count && !isOver) this.record.push(`only ${messages.length} of ${count} came`)
    return messages
  }

  /** Asks a consumer for messages: `count` of what it answers. */
  async pull(stream: string, consumer: string, body: unknown, count = 1): Promise<Msg[]> {
    const inbox = await this.send(stream, consumer, body)
    const messages = await this.next(inbox, count)
    inbox.unsubscribe()
    return messages
  }

  /**
   * Asks for more than there is, and leaves the answers for later. The request waits when this resolves: nats-server
   * puts requests into a queue, and may answer others, store or delete before it looks at them.
   */
  async ask(stream: string, consumer: string, body: unknown): Promise<Subscription> {
    const before = await this.waitingAt(stream, consumer)
    const inbox = await this.send(stream, consumer, body)
    await until('the request to wait', async () => (await this.waitingAt(stream, consumer)) > before)
    return inbox
  }

  private async send(stream: string, consumer: string, body: unknown): Promise<Subscription> {
    const reply = createInbox()
    const inbox = await this.listen(reply)
    const payload = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
    this.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, payload, { reply })
    await this.connection.flush()
    return inbox
  }

  /** How many requests for messages wait at a consumer; not recorded. */
  private async waitingAt(stream: string, consumer: string): Promise<number> {
    const subject = `$JS.API.CONSUMER.INFO.${stream}.${consumer}`
    const answer = await this.connection.request(subject, '', { timeout: ANSWER_MS })
    return Number((answer.json() as Answer)['num_waiting'])
  }

  /** Says something about a message, and awaits that it is taken. */
  async say(message: Msg, words = ''): Promise<void> {
    const answer = await this.connection.request(message.reply ?? '', words, { timeout: ANSWER_MS })
    this.record.push({ said: words, answer: shown(answer) })
  }

  /** Says something that is not answered. */
  async sayUnanswered(message: Msg | { reply: string }, words = ''): Promise<void> {
    try {
      await this.connection.request(message.reply ?? '', words, { timeout: SILENCE_MS })
      this.record.push({ said: words, answer: 'some' })
    } catch (error) {
      this.record.push({ said: words, answer: (error as Error).name })
    }
  }
}

function shown(message: Msg): unknown {
  const text = message.string()
  const given = message.headers
  return {
    subject: message.subject.replace(/^_INBOX\..*/, 'an inbox'),
    reply: (message.reply ?? '').replace(/\.\d{19}\.(\d+)$/, '.time.$1').replace(/.*/, maskedName),
    status: given === undefined ? undefined : [given.code, given.description],
    headers: given?.keys().map((name) => [name, maskedName(given.get(name).replace(/^\w{22}$/, 'an id'))]),
    body: text.startsWith('{') ? maskedEvent(masked(JSON.parse(text))) : text,
  }
}

function maskedName(text: string): string {
  return text.replace(/^(\$JS\.FC\..*\.).{4}$/, '$1id')
}

const BY_CHANCE = new Set(['id', 'timestamp', 'ack_time', 'pinned_id', 'pause_remaining'])

function maskedEvent(event: unknown): unknown {
  return Object.fromEntries(
    Object.entries(event as Members).map(([name, value]) => [name, BY_CHANCE.has(name) ? 'by chance' : value]),
  )
}
