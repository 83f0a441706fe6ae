// Random work on a stream and its consumers, over sockets, with two servers at once: after each step both have said the
// same. What depends on time is left out; ack-model.ts and store-model.ts walk through that with clocks of their own.
// A walk is about a stream with purges and rollups, or about its consumers: where the two servers leave a consumer after
// a purge differs, and so does what the removal of a message acknowledges by the policy `all` (docs/compatibility.md).

import assert from 'node:assert/strict'
import { headers, type Msg } from '@nats-io/nats-core'
import type { Random } from '../support/random.ts'
import { masked } from './conversation.ts'
import { type Members, Talk } from './talk.ts'

const ANSWER_MS = 10_000
const SECOND = 1e9
const SUBJECTS = ['S.a', 'S.b', 'S.c.x', 'S.c.y', 'S.d']
const WAIT = { ack_wait: 3600 * SECOND, max_ack_pending: 40 }

/** Consumers of a stream, by its retention. */
const CONSUMERS: Readonly<Record<string, readonly Members[]>> = {
  limits: [
    { name: 'A', durable_name: 'A', ack_policy: 'explicit', ...WAIT },
    { name: 'B', durable_name: 'B', ack_policy: 'explicit', filter_subject: 'S.c.*', max_deliver: 3, ...WAIT },
    { name: 'D', durable_name: 'D', ack_policy: 'none', filter_subjects: ['S.a', 'S.d'] },
  ],
  interest: [
    { name: 'A', durable_name: 'A', ack_policy: 'explicit', filter_subject: 'S.a', ...WAIT },
    { name: 'B', durable_name: 'B', ack_policy: 'explicit', filter_subject: 'S.c.*', ...WAIT },
    { name: 'C', durable_name: 'C', ack_policy: 'explicit', ...WAIT },
  ],
  workqueue: [
    { name: 'A', durable_name: 'A', ack_policy: 'explicit', filter_subject: 'S.a', ...WAIT },
    { name: 'B', durable_name: 'B', ack_policy: 'explicit', filter_subject: 'S.c.*', ...WAIT },
  ],
}

interface Side {
  readonly talk: Talk
  /** What was delivered and nothing final was said about, by consumer. */
  readonly held: Map<string, Msg[]>
}

export class Walk {
  private readonly random: Random
  private readonly sides: readonly Side[]
  private readonly retention: string
  private readonly consumers: readonly Members[]
  private readonly config: Record<string, unknown>
  private last = 0

  static async begin(random: Random, ports: readonly number[]): Promise<Walk> {
    const talks = await Promise.all(ports.map((port) => Talk.begin(port)))
    return new Walk(
      random,
      talks.map((talk) => ({ talk, held: new Map() })),
    )
  }

  private constructor(random: Random, sides: readonly Side[]) {
    this.random = random
    this.sides = sides
    this.retention = random.pick(['limits', 'limits', 'interest', 'workqueue'])
    this.consumers = random.chance(0.5) ? CONSUMERS[this.retention] : []
    this.config = {
      name: 'S',
      subjects: ['S.>'],
      retention: this.retention,
      storage: random.pick(['memory', 'file']),
      allow_rollup_hdrs: true,
      allow_direct: true,
      ...this.limits(),
    }
  }

  private limits(): Record<string, unknown> {
    const { random } = this
    const discard = random.pick(['old', 'old', 'new'])
    const each = random.pick([-1, 1, 3])
    return {
      discard,
      max_msgs: random.pick([-1, 10, 40]),
      max_bytes: random.pick([-1, 4000]),
      max_msgs_per_subject: each,
      max_msg_size: random.pick([-1, 250]),
      discard_new_per_subject: discard === 'new' && each > 0 && random.chance(0.5),
    }
  }

  async play(steps: number): Promise<void> {
    const { random } = this
    await this.each(({ talk }) => talk.api('STREAM.CREATE.S', this.config))
    for (const config of this.consumers) await this.each(({ talk }) => talk.consumer('S', config))
    for (let step = 0; step < steps; step++) {
      const about = `seed ${random.seed}, step ${step}: ${JSON.stringify(this.config)}`
      const before = this.sides.map(({ talk }) => talk.record.length)
      await this.step()
      const [theirs, ours] = this.sides.map(({ talk }, i) => talk.record.slice(before[i]))
      assert.deepEqual(ours, theirs, about)
    }
  }

  async end(): Promise<void> {
    await this.each(({ talk }) => talk.api('STREAM.DELETE.S'))
    for (const { talk } of this.sides) await talk.end()
  }

  private async each(act: (side: Side) => Promise<unknown>): Promise<void> {
    await Promise.all(this.sides.map(act))
  }

  private async step(): Promise<void> {
    const dice = this.random.below(100)
    const ofConsumers = this.consumers.length > 0
    if (dice < 40) await this.put()
    else if (dice < 60 && ofConsumers) await this.pull()
    else if (dice < 78 && ofConsumers) await this.say()
    else if (dice < 84) await this.remove()
    // A stream that never had a message begins with sequence 1 after a purge, says nats-server (docs/compatibility.md).
    else if (dice < 87 && !ofConsumers && this.last > 0) await this.purge()
    else if (dice < 89) await this.update()
    else if (dice < 92) await this.get()
    await this.look()
  }

  private async put(): Promise<void> {
    const { random } = this
    const subject = random.pick(SUBJECTS)
    const body = 'x'.repeat(random.below(300))
    const given = headers()
    const dice = random.below(40)
    if (dice < 8) given.set('Nats-Msg-Id', String(random.below(12)))
    else if (dice < 10) given.set('Nats-Expected-Last-Sequence', String(this.last - random.below(2)))
    else if (dice < 12) given.set('Nats-Expected-Last-Subject-Sequence', String(random.below(this.last + 1)))
    else if (dice < 14 && this.consumers.length === 0) given.set('Nats-Rollup', random.pick(['sub', 'all']))
    await this.each(async ({ talk }) => {
      const answer = await talk.connection.request(subject, body, { headers: given, timeout: ANSWER_MS })
      talk.record.push({ put: subject, answer: answer.json() })
    })
  }

  private async pull(): Promise<void> {
    const { random } = this
    const { name } = random.pick(this.consumers) as { name: string }
    const batch = 1 + random.below(6)
    await this.each(async ({ held, talk }) => {
      const came = await talk.pull('S', name, { batch, no_wait: true }, batch)
      const messages = came.filter((message) => (message.headers?.code ?? 0) === 0)
      held.set(name, [...(held.get(name) ?? []), ...messages])
    })
  }

  /** Something is said about a message that was delivered. */
  private async say(): Promise<void> {
    const { random } = this
    const { name, ack_policy: policy } = random.pick(this.consumers) as { name: string; ack_policy: string }
    const [theirs] = this.sides
    const count = theirs.held.get(name)?.length ?? 0
    if (count === 0 || policy === 'none') return
    const at = random.below(count)
    const word = policy === 'all' ? '+ACK' : random.pick(['+ACK', '+ACK', '', '-NAK', '+TERM', '+WPI'])
    const isKept = random.chance(0.1)
    await this.each(async ({ held, talk }) => {
      const messages = held.get(name) ?? []
      await talk.say(messages[at], word)
      if (!isKept) messages.splice(at, 1)
    })
  }

  private async remove(): Promise<void> {
    const seq = Math.max(1, this.last - this.random.below(30))
    await this.each(({ talk }) => talk.api('STREAM.MSG.DELETE.S', { seq }))
  }

  private async purge(): Promise<void> {
    const { random } = this
    const filter = random.chance(0.6) ? { filter: random.pick([...SUBJECTS, 'S.c.*', 'S.*']) } : {}
    const bound = random.pick([{}, { keep: 1 + random.below(5) }, { seq: 1 + random.below(this.last + 1) }])
    await this.each(({ talk }) => talk.api('STREAM.PURGE.S', { ...filter, ...bound }))
  }

  private async update(): Promise<void> {
    Object.assign(this.config, this.limits())
    await this.each(({ talk }) => talk.api('STREAM.UPDATE.S', this.config))
  }

  private async get(): Promise<void> {
    const seq = Math.max(1, this.last - this.random.below(20))
    await this.each(({ talk }) => talk.api('STREAM.MSG.GET.S', { seq }))
  }

  /** All that is told of the stream and of its consumers. */
  private async look(): Promise<void> {
    await this.each(async ({ talk }) => {
      const info = await talk.api('STREAM.INFO.S')
      const { last_seq: last, messages } = info['state'] as { last_seq: number; messages: number }
      this.last = last
      // Of an empty stream, nats-server says that message 0 is deleted.
      if (messages > 0) await talk.api('STREAM.INFO.S', { deleted_details: true, subjects_filter: '>' })
      for (const config of this.consumers) {
        const consumer = await talk.connection.request(`$JS.API.CONSUMER.INFO.S.${String(config['name'])}`)
        talk.record.push(withoutLastActive(masked(consumer.json())))
      }
    })
  }
}

/** When something was last heard of, which nats-server notes of some removals and not of others. */
function withoutLastActive(info: unknown): unknown {
  if ('error' in (info as object)) return info
  const { ack_floor: floor, delivered, ...members } = info as Record<string, Record<string, unknown>>
  const [place, floorPlace] = [delivered, floor].map(({ last_active: _, ...others }) => others)
  return { ...members, delivered: place, ack_floor: floorPlace }
}
