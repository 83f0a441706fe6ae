// A client of streams for tests: requests and messages in one line each.

import { headers, type Msg, type NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'

const ANSWER_MS = 10_000

/** What streams answer, as far as tests look at it. */
export interface Answer {
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string }
  readonly seq?: number
  readonly state?: { readonly messages: number; readonly first_seq: number; readonly last_seq: number }
  readonly [member: string]: unknown
}

export class StreamClient {
  readonly connection: NatsConnection

  /** A connection for the test that calls this. */
  static async open(port: number, options: { user?: string; pass?: string } = {}): Promise<StreamClient> {
    const connection = await connect({ port, ignoreClusterUpdates: true, ...options })
    onTestFinished(() => connection.close())
    return new StreamClient(connection)
  }

  private constructor(connection: NatsConnection) {
    this.connection = connection
  }

  /** A request to the API. */
  async ask(subject: string, body: object = {}): Promise<Answer> {
    const payload = Object.keys(body).length === 0 ? '' : JSON.stringify(body)
    return (await this.connection.request(`$JS.API.${subject}`, payload, { timeout: ANSWER_MS })).json()
  }

  /** Creates a stream in memory, which must work. */
  async create(name: string, more: object = {}): Promise<void> {
    const body = { name, storage: 'memory', subjects: [`${name}.>`], ...more }
    const { error } = await this.ask(`STREAM.CREATE.${name}`, body)
    if (error !== undefined) throw new Error(error.description)
  }

  info(name: string, body: object = {}): Promise<Answer> {
    return this.ask(`STREAM.INFO.${name}`, body)
  }

  /** Publishes, and answers the acknowledgement. */
  async put(subject: string, payload = '', header: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const all = headers()
    for (const [name, value] of Object.entries(header)) all.set(name, value)
    const given = Object.keys(header).length === 0 ? {} : { headers: all }
    return (await this.connection.request(subject, payload, { timeout: ANSWER_MS, ...given })).json()
  }

  /** The message at a sequence. */
  get(stream: string, seq: number): Promise<Msg> {
    return this.connection.request(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ seq }), { timeout: ANSWER_MS })
  }

  /** What comes on a subject, from now on. */
  async listen(subject: string): Promise<{ next(): Promise<Msg> }> {
    const iterator = this.connection.subscribe(subject)[Symbol.asyncIterator]()
    await this.connection.flush()
    return {
      next: async () => (await iterator.next()).value as Msg,
    }
  }
}
