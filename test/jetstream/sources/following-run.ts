// Streams that follow others on a server that is killed again and again, while messages are published, purged, deleted
// and limited. In the end:
//
//     mirror    has what its origin has, at the same sequences, and nothing that its origin never had
//     sources   have each message that was acknowledged once, in the order of its origin, if it was not removed there
//     queue     is empty: all of it is in the stream that took it
//
// Everything that a client was told is checked; what it was not told may be there or not.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { headers, type NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import type { Random } from '../../support/random.ts'
import { type ServerProgram, startCommand } from '../../support/server.ts'

const ANSWER_MS = 5000
const SETTLED_MS = 60_000
const LOOK_MS = 50
/** Bytes of a message, at most: some go into another block of the store. */
const SIZE_MAX = 2000

interface Info {
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number }
}

interface Stored {
  readonly seq: number
  readonly subject: string
  readonly id: string
  /** What `Nats-Stream-Source` says, up to the sequence. */
  readonly origin: string
}

const STREAMS = {
  O: { subjects: ['o.>'] },
  Q: { subjects: ['q.>'], retention: 'workqueue' },
  M: { mirror: { name: 'O' } },
  L: { mirror: { name: 'O', filter_subject: 'o.1' }, max_msgs: 50 },
  S: {
    subjects: ['s.>'],
    sources: [{ name: 'O', filter_subject: 'o.1' }, { name: 'O', filter_subject: 'o.2' }, { name: 'Q' }],
  },
} as const

export class FollowingRun {
  private readonly random: Random
  private readonly workers: number
  private readonly folder = mkdtempSync(join(tmpdir(), 'heddle-following-'))
  private server: ServerProgram | undefined
  private connection: NatsConnection | undefined
  /** Ids that were acknowledged, by subject; those that may have been removed from O. */
  private readonly acknowledged = new Map<string, string>()
  private readonly removed = new Set<string>()
  private published = 0
  kills = 0

  constructor(random: Random, workers: number) {
    this.random = random
    this.workers = workers
  }

  /** Runs so many lives of the server. Answers what is wrong. */
  async run(lives: number): Promise<string[]> {
    try {
      for (let life = 0; life < lives; life++) {
        await this.begin(life === 0)
        await this.live()
        await this.kill()
      }
      await this.begin(false)
      await this.settle()
      return await this.check()
    } finally {
      await this.connection?.close()
      await this.server?.stop()
      rmSync(this.folder, { recursive: true, force: true })
    }
  }

  private async begin(isFirst: boolean): Promise<void> {
    this.server = await startCommand(['-js', '-sd', this.folder, '--workers', String(this.workers)])
    this.connection = await connect({ port: this.server.port, ignoreClusterUpdates: true, reconnect: false })
    if (!isFirst) return
    for (const [name, more] of Object.entries(STREAMS)) {
      const { error } = await this.ask<{ error?: { description: string } }>(`STREAM.CREATE.${name}`, { name, ...more })
      if (error !== undefined) throw new Error(error.description)
    }
  }

  private async kill(): Promise<void> {
    this.kills++
    await this.server?.stop('SIGKILL')
    await this.connection?.close().catch(() => undefined)
  }

  // ── What happens ──────────────────────────────────────────────────────────────────────────────────────

  /** Messages, mostly; the last ones are on their way when the server is killed. */
  private async live(): Promise<void> {
    const steps = between(this.random, 20, 150)
    for (let step = 0; step < steps; step++) {
      const { random } = this
      if (random.chance(0.03)) await this.purge()
      else if (random.chance(0.05)) await this.remove()
      else await this.publish(between(random, 1, 20))
    }
    void this.publish(10).catch(() => undefined)
    if (this.random.chance(0.5)) await new Promise(setImmediate)
  }

  private async publish(count: number): Promise<void> {
    const subject = this.random.pick(['o.1', 'o.2', 'o.3', 'q.1', 's.1'])
    const sent = Array.from({ length: count }, async () => {
      const id = String(this.published++)
      const given = headers()
      given.set('Id', id)
      const payload = 'x'.repeat(between(this.random, 0, SIZE_MAX))
      const answer = await this.connection?.request(subject, payload, { headers: given, timeout: ANSWER_MS })
      if (answer?.json<{ seq?: number }>().seq !== undefined) this.acknowledged.set(id, subject)
    })
    await Promise.all(sent)
  }

  private async purge(): Promise<void> {
    const before = new Set(await this.idsOf('O'))
    await this.ask('STREAM.PURGE.O', { keep: between(this.random, 1, 30) })
    for (const id of before) this.removed.add(id)
  }

  private async remove(): Promise<void> {
    const { state } = await this.ask<Info>('STREAM.INFO.O')
    if (state.messages === 0) return
    const seq = between(this.random, state.first_seq, state.last_seq)
    const [found] = await this.messages('O', seq, seq)
    if (found === undefined) return
    this.removed.add(found.id)
    await this.ask('STREAM.MSG.DELETE.O', { seq })
  }

  // ── What has come of it ───────────────────────────────────────────────────────────────────────────────

  /** All that follow have caught up with a message of each origin that is the last one. */
  private async settle(): Promise<void> {
    const subjects = ['o.1', 'o.2', 'q.1']
    for (const subject of subjects) {
      const id = `last ${subject}`
      const given = headers()
      given.set('Id', id)
      await this.connection?.request(subject, '', { headers: given, timeout: ANSWER_MS })
      this.acknowledged.set(id, subject)
    }
    const end = Date.now() + SETTLED_MS
    const awaited = [...subjects.map((subject) => ['S', subject]), ['M', 'o.1'], ['M', 'o.2'], ['L', 'o.1']]
    for (const [stream, subject] of awaited) {
      while ((await this.lastOf(stream, subject)) !== `last ${subject}`) {
        if (Date.now() > end) throw new Error(`${stream} does not come to the last of ${subject}`)
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      }
    }
    while ((await this.ask<Info>('STREAM.INFO.Q')).state.messages > 0) {
      if (Date.now() > end) throw new Error('Q is not emptied')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  private async check(): Promise<string[]> {
    const wrong: string[] = []
    const [origin, mirror, limited, sourced] = [
      await this.all('O'),
      await this.all('M'),
      await this.all('L'),
      await this.all('S'),
    ]
    const mirrored = new Map(mirror.map((each) => [each.seq, each]))
    for (const { id, seq, subject } of origin) {
      const there = mirrored.get(seq)
      if (there?.id !== id || there.subject !== subject) wrong.push(`M has ${there?.id} at ${seq}, O has ${id}`)
    }
    for (const [id, subject] of this.acknowledged) {
      const isMirrored = mirror.some((each) => each.id === id)
      if (subject.startsWith('o.') && !isMirrored && !this.removed.has(id)) wrong.push(`M lacks ${id}`)
      const isTaken = subject !== 'o.3'
      if (isTaken && !this.removed.has(id) && !sourced.some((each) => each.id === id)) wrong.push(`S lacks ${id}`)
    }
    for (const [name, stored] of [
      ['M', mirror],
      ['L', limited],
      ['S', sourced],
    ] as const)
      wrong.push(...twice(name, stored))
    wrong.push(...disordered(sourced))
    const lastOf = (stored: readonly Stored[], subject: string) =>
      stored.filter((each) => each.subject === subject).at(-1)?.seq
    if (lastOf(limited, 'o.1') !== lastOf(origin, 'o.1')) wrong.push('L has not the last one')
    return wrong
  }

  private async all(stream: string): Promise<Stored[]> {
    const { state } = await this.ask<Info>(`STREAM.INFO.${stream}`)
    return this.messages(stream, Math.max(1, state.first_seq), state.last_seq)
  }

  private async idsOf(stream: string): Promise<string[]> {
    return (await this.all(stream)).map(({ id }) => id)
  }

  private async lastOf(stream: string, subject: string): Promise<string> {
    const { message } = await this.ask<Answer>(`STREAM.MSG.GET.${stream}`, { last_by_subj: subject })
    return message === undefined ? '' : readMessage(message).id
  }

  private async messages(stream: string, from: number, to: number): Promise<Stored[]> {
    const stored: Stored[] = []
    for (let start = from; start <= to; start += 200) {
      const page = Array.from({ length: Math.min(200, to + 1 - start) }, (_, i) => start + i)
      const found = await Promise.all(page.map((seq) => this.ask<Answer>(`STREAM.MSG.GET.${stream}`, { seq })))
      stored.push(...found.flatMap(({ message }) => (message === undefined ? [] : [readMessage(message)])))
    }
    return stored
  }

  private async ask<T>(subject: string, body: unknown = ''): Promise<T> {
    const payload = body === '' ? '' : JSON.stringify(body)
    const answer = await this.connection?.request(`$JS.API.${subject}`, payload, { timeout: ANSWER_MS })
    return answer?.json() as T
  }
}

/** A whole number, the bounds among them. */
const between = (random: Random, least: number, most: number): number => least + random.below(most + 1 - least)

interface Answer {
  readonly message?: { readonly seq: number; readonly subject: string; readonly hdrs?: string }
}

function readMessage({ hdrs = '', seq, subject }: NonNullable<Answer['message']>): Stored {
  const block = Buffer.from(hdrs, 'base64').toString()
  const id = /^Id: (.*)\r$/m.exec(block)?.[1] ?? ''
  return { seq, subject, id, origin: /^Nats-Stream-Source: (\w+ \d+ [^ ]+)/m.exec(block)?.[1] ?? '' }
}

function twice(name: string, stored: readonly Stored[]): string[] {
  const seen = new Map<string, number>()
  const wrong: string[] = []
  for (const { id, seq } of stored) {
    if (seen.has(id)) wrong.push(`${name} has ${id} at ${seen.get(id)} and at ${seq}`)
    seen.set(id, seq)
  }
  return wrong
}

/** Of each source, the sequences of the origin rise. */
function disordered(stored: readonly Stored[]): string[] {
  const last = new Map<string, number>()
  const wrong: string[] = []
  for (const { origin, seq } of stored) {
    if (origin === '') continue
    const [name, number, filter] = origin.split(' ')
    const source = `${name} ${filter}`
    if (Number(number) <= (last.get(source) ?? 0)) wrong.push(`S has ${origin} at ${seq} behind ${last.get(source)}`)
    last.set(source, Number(number))
  }
  return wrong
}
