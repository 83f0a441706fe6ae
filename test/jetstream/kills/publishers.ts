// Those who publish numbered messages to a stream, over as many connections as it takes, and note which ones were
// acknowledged, and as what.

import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core'
import type { Random } from '../../support/random.ts'
import { contentOf } from './content.ts'

/** Longer than the server needs to replace a shard. */
const ANSWER_MS = 5_000

interface Acknowledgement {
  readonly seq: number
  readonly error?: { readonly description: string }
  readonly batch?: string
}

export abstract class Publisher {
  readonly name: string
  readonly stream: string
  protected readonly random: Random
  protected next = 1
  /** The sequences of numbers that were acknowledged. */
  readonly acknowledged = new Map<number, number>()

  constructor(stream: string, name: string, random: Random) {
    this.stream = stream
    this.name = name
    this.random = random
  }

  /** Publishes until the connection ends. */
  abstract work(connection: NatsConnection): Promise<void>

  /** Publishes one, and answers its acknowledgement. Rejects if there is none. */
  protected async publish(connection: NatsConnection, number: number, given?: MsgHdrs): Promise<Acknowledgement> {
    const { body, subject } = contentOf(this.stream, { publisher: this.name, number })
    const options = { timeout: ANSWER_MS, ...(given === undefined ? {} : { headers: given }) }
    const answer = await connection.request(subject, body, options)
    if (answer.data.length === 0) return { seq: 0 }
    const acknowledgement = answer.json() as Acknowledgement
    if (acknowledgement.error !== undefined) throw new Error(acknowledgement.error.description)
    return acknowledgement
  }
}

/** One after the other. */
export class SteadyPublisher extends Publisher {
  async work(connection: NatsConnection): Promise<void> {
    while (!connection.isClosed()) {
      const number = this.next++
      try {
        this.acknowledged.set(number, (await this.publish(connection, number)).seq)
      } catch {
        await pause()
      }
    }
  }
}

/** Many at a time. */
export class WindowPublisher extends Publisher {
  private static readonly window = 64

  async work(connection: NatsConnection): Promise<void> {
    const waiting = new Set<Promise<void>>()
    while (!connection.isClosed()) {
      const number = this.next++
      const published = this.publish(connection, number)
        .then(({ seq }) => void this.acknowledged.set(number, seq), pause)
        .finally(() => waiting.delete(published))
      waiting.add(published)
      if (waiting.size >= WindowPublisher.window) await Promise.race(waiting)
    }
    await Promise.all(waiting)
  }
}

/** What was not acknowledged is sent again, with the same id. */
export class RepeatingPublisher extends Publisher {
  async work(connection: NatsConnection): Promise<void> {
    while (!connection.isClosed()) {
      const number = this.next
      const given = headers()
      given.set('Nats-Msg-Id', `${this.name} ${number}`)
      try {
        this.acknowledged.set(number, (await this.publish(connection, number, given)).seq)
        this.next++
      } catch {
        await pause()
      }
    }
  }
}

/** Batches, of which all messages are stored, or none. */
export class BatchPublisher extends Publisher {
  /** First and last numbers. */
  readonly batches: (readonly [first: number, last: number])[] = []

  async work(connection: NatsConnection): Promise<void> {
    while (!connection.isClosed()) {
      const first = this.next
      const last = first + 1 + this.random.below(20)
      this.next = last + 1
      this.batches.push([first, last])
      try {
        const { seq } = await this.publishAll(connection, first, last)
        for (let number = first; number <= last; number++) this.acknowledged.set(number, seq - last + number)
      } catch {
        await pause()
      }
    }
  }

  private async publishAll(connection: NatsConnection, first: number, last: number): Promise<Acknowledgement> {
    const id = `${this.name}-${first}`
    const answers: Promise<Acknowledgement>[] = []
    for (let number = first; number <= last; number++) {
      const given = headers()
      given.set('Nats-Batch-Id', id)
      given.set('Nats-Batch-Sequence', String(number - first + 1))
      if (number === last) given.set('Nats-Batch-Commit', '1')
      answers.push(this.publish(connection, number, given))
    }
    const [committed] = (await Promise.all(answers)).slice(-1)
    if (committed.batch !== id) throw new Error('a batch was answered as something else')
    return committed
  }
}

/** Where nobody answers, a moment later somebody may. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5))
}
