// Those who take the messages of a consumer: they note what came and what they said about it.

import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core'
import type { Random } from '../../support/random.ts'
import { originOf } from './content.ts'

const ANSWER_MS = 5_000
const MS = 1e6
const BATCH = 50
/** How long a request for messages waits. */
const EXPIRES_MS = 300
const SEQUENCE_AT = 5

export abstract class Taker {
  readonly stream: string
  readonly consumer: string
  private readonly random: Random
  private readonly fault: (text: string) => void
  /** Sequences that came, those about which something final was said, and those of which that was answered. */
  readonly came = new Set<number>()
  readonly said = new Set<number>()
  readonly answered = new Set<number>()
  /** Everything is acknowledged. */
  isDiligent = false

  constructor(stream: string, consumer: string, random: Random, fault: (text: string) => void) {
    this.stream = stream
    this.consumer = consumer
    this.random = random
    this.fault = fault
  }

  abstract readonly config: Readonly<Record<string, unknown>>

  /** Takes messages until the connection ends. */
  abstract work(connection: NatsConnection): Promise<void>

  protected take(connection: NatsConnection, message: Msg): void {
    const seq = Number(message.reply?.split('.')[SEQUENCE_AT])
    const who = `${this.stream} > ${this.consumer}`
    if (this.answered.has(seq)) this.fault(`${who}: message ${seq} was delivered again after its ack was answered`)
    if (originOf(message.subject, message.data) === undefined) {
      this.fault(`${who}: message ${seq} on ${message.subject} is not as anybody sent it`)
    }
    this.came.add(seq)
    this.say(connection, message, seq)
  }

  private say(connection: NatsConnection, message: Msg, seq: number): void {
    const chance = this.isDiligent ? 0 : this.random.below(100)
    if (chance < 80) {
      this.said.add(seq)
      const word = chance < 75 ? '+ACK' : '+TERM'
      if (chance >= 55 && chance < 75) message.respond(word)
      else {
        connection.request(message.reply ?? '', word, { timeout: ANSWER_MS }).then(
          () => this.answered.add(seq),
          () => undefined,
        )
      }
    } else if (chance < 90) message.respond('-NAK')
  }
}

export class PullTaker extends Taker {
  readonly config = { ack_policy: 'explicit', ack_wait: 1000 * MS, max_ack_pending: 2000 }

  async work(connection: NatsConnection): Promise<void> {
    const request = JSON.stringify({ batch: BATCH, expires: EXPIRES_MS * MS, idle_heartbeat: 100 * MS })
    while (!connection.isClosed()) await this.fetch(connection, request)
  }

  private fetch(connection: NatsConnection, request: string): Promise<void> {
    const reply = createInbox()
    const { promise, resolve } = Promise.withResolvers<void>()
    let left = BATCH
    const inbox = connection.subscribe(reply, {
      callback: (_error, message) => {
        const code = message.headers?.code ?? 0
        if (code === 0) this.take(connection, message)
        if (code >= 400 || (code === 0 && --left === 0)) resolve()
      },
    })
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.stream}.${this.consumer}`, request, { reply })
    // What its shard took along does not answer.
    const late = setTimeout(resolve, EXPIRES_MS * 2)
    const closed = connection.closed().then(() => undefined)
    return Promise.race([promise, closed]).finally(() => {
      clearTimeout(late)
      inbox.unsubscribe()
    })
  }
}

export class PushTaker extends Taker {
  get config(): Readonly<Record<string, unknown>> {
    const deliver = `to.${this.stream}.${this.consumer}`
    return { ack_policy: 'explicit', ack_wait: 1000 * MS, max_ack_pending: 2000, deliver_subject: deliver }
  }

  async work(connection: NatsConnection): Promise<void> {
    connection.subscribe(String(this.config['deliver_subject']), {
      callback: (_error, message) => this.take(connection, message),
    })
    await connection.closed()
  }
}
