// One who creates and deletes streams and consumers, and knows which ones must be there.

import type { NatsConnection } from '@nats-io/nats-core'
import type { Random } from '../../support/random.ts'

const ANSWER_MS = 5_000
/** So many are there at a time. */
const MANY = 6

type Kind = 'STREAM' | 'CONSUMER'

export class Names {
  private readonly kind: Kind
  /** Of its consumers. */
  private readonly stream: string
  private readonly random: Random
  private readonly fault: (text: string) => void
  private readonly there = new Set<string>()
  private readonly gone = new Set<string>()
  private count = 0
  changes = 0

  constructor(kind: Kind, stream: string, random: Random, fault: (text: string) => void) {
    this.kind = kind
    this.stream = stream
    this.random = random
    this.fault = fault
  }

  async work(connection: NatsConnection): Promise<void> {
    while (!connection.isClosed()) {
      const isCreated = this.there.size < MANY
      await (isCreated ? this.create(connection) : this.delete(connection)).catch(
        () => new Promise((resolve) => setTimeout(resolve, 5)),
      )
    }
  }

  private async ask(connection: NatsConnection, subject: string, body: object | undefined): Promise<unknown> {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const answer = await connection.request(`$JS.API.${this.kind}.${subject}`, payload, { timeout: ANSWER_MS })
    const { error, ...members } = answer.json() as { error?: { description: string } }
    if (error !== undefined) throw new Error(error.description)
    return members
  }

  private place(name: string): string {
    return this.kind === 'STREAM' ? name : `${this.stream}.${name}`
  }

  private async create(connection: NatsConnection): Promise<void> {
    const name = `N${++this.count}`
    const config = this.kind === 'STREAM' ? { name, subjects: [`${name}.>`] } : { durable_name: name }
    const body = this.kind === 'STREAM' ? config : { stream_name: this.stream, config }
    await this.ask(connection, `CREATE.${this.place(name)}`, body)
    this.there.add(name)
    this.changes++
  }

  private async delete(connection: NatsConnection): Promise<void> {
    const name = this.random.pick([...this.there])
    // Until it is answered, it may be there or not.
    this.there.delete(name)
    await this.ask(connection, `DELETE.${this.place(name)}`, undefined)
    this.gone.add(name)
    this.changes++
  }

  async check(connection: NatsConnection): Promise<void> {
    const place = this.kind === 'STREAM' ? 'NAMES' : `NAMES.${this.stream}`
    const { streams, consumers } = (await this.ask(connection, place, undefined)) as Record<string, string[] | null>
    const names = new Set(streams ?? consumers ?? [])
    for (const name of this.there) if (!names.has(name)) this.fault(`${this.kind} ${name} is not there any more`)
    for (const name of this.gone) if (names.has(name)) this.fault(`${this.kind} ${name} is there again`)
    this.gone.clear()
    for (const name of names) if (name.startsWith('N')) this.there.add(name)
  }
}
