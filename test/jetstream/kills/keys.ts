// One who writes the keys of a bucket, each on top of what it wrote before, and knows what each must say.

import { headers, type Msg, type NatsConnection } from '@nats-io/nats-core'
import type { Random } from '../../support/random.ts'

const ANSWER_MS = 5_000
const KEYS = 12

/** What a key says: its revision and its value; `DEL` and `PURGE` for one that was deleted or purged. */
interface Entry {
  readonly revision: number
  readonly value: string
}

export class KeyWriter {
  readonly stream: string
  private readonly bucket: string
  private readonly random: Random
  private readonly fault: (text: string) => void
  private readonly acknowledged = new Map<string, Entry>()
  /** Values that were written and not acknowledged. */
  private readonly open = new Map<string, string[]>()
  private count = 0
  writes = 0

  constructor(bucket: string, random: Random, fault: (text: string) => void) {
    this.bucket = bucket
    this.stream = `KV_${bucket}`
    this.random = random
    this.fault = fault
  }

  /** Writes until the connection ends. */
  async work(connection: NatsConnection): Promise<void> {
    while (!connection.isClosed()) {
      const key = `key.${this.random.below(KEYS)}`
      // What became of the last one is found out by check(), when the server is there again.
      if (this.open.has(key)) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        await this.settle(connection, key).catch(() => undefined)
      } else await this.write(connection, key).catch(() => undefined)
    }
  }

  private async write(connection: NatsConnection, key: string): Promise<void> {
    const kind = this.random.below(10)
    const value = kind === 0 ? 'DEL' : kind === 1 ? 'PURGE' : `value ${++this.count} ${'x'.repeat(this.count % 300)}`
    const given = headers()
    given.set('Nats-Expected-Last-Subject-Sequence', String(this.acknowledged.get(key)?.revision ?? 0))
    if (kind < 2) given.set('KV-Operation', value)
    if (kind === 1) given.set('Nats-Rollup', 'sub')
    this.open.set(key, [value])
    const body = kind < 2 ? '' : value
    const answer = await connection.request(this.subjectOf(key), body, { headers: given, timeout: ANSWER_MS })
    const { error, seq } = answer.json() as { error?: { description: string }; seq: number }
    if (error !== undefined) {
      this.fault(`${this.stream}: ${key} was refused: ${error.description}`)
      return
    }
    this.open.delete(key)
    this.acknowledged.set(key, { revision: seq, value })
    this.writes++
  }

  private subjectOf(key: string): string {
    return `$KV.${this.bucket}.${key}`
  }

  private async read(connection: NatsConnection, key: string): Promise<Entry | undefined> {
    const subject = `$JS.API.DIRECT.GET.${this.stream}.${this.subjectOf(key)}`
    const message: Msg = await connection.request(subject, '', { timeout: ANSWER_MS })
    if (message.headers?.code === 404) return undefined
    const revision = Number(message.headers?.get('Nats-Sequence'))
    return { revision, value: message.headers?.get('KV-Operation') || message.string() }
  }

  /** A write that was not acknowledged is there, or is not. */
  private async settle(connection: NatsConnection, key: string): Promise<void> {
    const entry = await this.read(connection, key)
    const before = this.acknowledged.get(key)
    if (entry?.revision !== before?.revision || entry?.value !== before?.value) {
      const isOpen = entry !== undefined && this.open.get(key)?.includes(entry.value) === true
      const isLater = (entry?.revision ?? 0) > (before?.revision ?? 0)
      if (!isOpen || !isLater) {
        const shown = JSON.stringify([entry, before, this.open.get(key)])
        this.fault(`${this.stream}: ${key} says what it must not (is, was, was being written): ${shown}`)
      }
    }
    if (entry !== undefined) this.acknowledged.set(key, entry)
    this.open.delete(key)
  }

  /** All keys say what they must. */
  async check(connection: NatsConnection): Promise<void> {
    for (let i = 0; i < KEYS; i++) await this.settle(connection, `key.${i}`)
  }
}
