// A store as simple as possible, and random steps that a real one has to take as the model does.

import assert from 'node:assert/strict'
import type { PlainMessages, StreamStore } from '../../../src/jetstream/storage/store.ts'
import { ALL, SubjectFilter } from '../../../src/jetstream/storage/subject-filter.ts'
import { blockFrom } from '../../../src/memory/block.ts'
import { matches } from '../../../src/subjects/subject.ts'
import type { Random } from '../../support/random.ts'

export interface ModelMessage {
  readonly seq: number
  readonly timeUs: number
  readonly subject: string
  readonly headers: string
  readonly payload: string
}

export class StoreModel {
  messages: ModelMessage[] = []
  last = 0
  lastTimeUs = 0

  get first(): number {
    return this.messages[0]?.seq ?? (this.last === 0 ? 0 : this.last + 1)
  }

  append(message: Omit<ModelMessage, 'seq'>): number {
    this.last++
    this.lastTimeUs = message.timeUs
    this.messages.push({ seq: this.last, ...message })
    return this.last
  }

  skipTo(next: number, timeUs: number): void {
    this.last = next - 1
    if (timeUs !== 0) this.lastTimeUs = timeUs
  }

  matching(filters: readonly string[]): ModelMessage[] {
    return this.messages.filter(({ subject }) => filters.length === 0 || filters.some((one) => matches(one, subject)))
  }

  remove(gone: ReadonlySet<ModelMessage>): number {
    this.messages = this.messages.filter((message) => !gone.has(message))
    return gone.size
  }

  purge(filters: readonly string[], below: number | undefined, keep: number | undefined): number {
    const all = this.matching(filters)
    const gone =
      keep === undefined ? all.filter(({ seq }) => seq < (below ?? Infinity)) : all.slice(0, -keep || all.length)
    if (filters.length === 0 && below !== undefined && below > this.last + 1) this.last = below - 1
    return this.remove(new Set(gone))
  }

  deletedRanges(): { first: number; last: number }[] {
    const ranges: { first: number; last: number }[] = []
    let expected = this.first
    const end = { seq: this.last + 1 }
    for (const { seq } of this.messages.length === 0 ? [] : [...this.messages, end]) {
      if (seq > expected) ranges.push({ first: expected, last: seq - 1 })
      expected = seq + 1
    }
    return ranges
  }
}

/** Opens the same store again, as after an orderly end or a crash; what was durable has to be there. */
export type Reopen = (store: StreamStore) => Promise<StreamStore>

/** How a kind of storage counts a message. */
export type SizeOf = (subject: number, headers: number, payload: number) => number

const TOKENS = ['a', 'b', 'c', 'dd', 'x1']
const START_US = 1_700_000_000_000_000

/** Random work on a store beside its model. */
export class StoreRun {
  store: StreamStore
  readonly model = new StoreModel()
  private readonly random: Random
  private readonly sizeOf: SizeOf
  private readonly reopen: Reopen | undefined
  private timeUs = START_US
  /** Subjects used: few at times, many at other times. */
  private variety = 3

  constructor(store: StreamStore, random: Random, sizeOf: SizeOf, reopen?: Reopen) {
    this.store = store
    this.random = random
    this.sizeOf = sizeOf
    this.reopen = reopen
  }

  async play(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      try {
        await this.step()
        this.compareState()
        if (step % 200 === 0) await this.compareAll()
      } catch (error) {
        throw new Error(`step ${step} of seed ${this.random.seed}`, { cause: error })
      }
    }
    await this.compareAll()
  }

  private async step(): Promise<void> {
    const { random, model, store } = this
    const dice = random.below(1000)
    if (dice < 500) this.append()
    else if (dice < 640) this.removeOne()
    else if (dice < 700) await this.compareLoads(3)
    else if (dice < 880) this.compareLookups()
    else if (dice < 890) this.purge()
    else if (dice < 900) this.variety = random.pick([1, 3, 30, 3000])
    else if (dice < 910) this.skip()
    else if (dice < 940) this.batch()
    else if (dice < 970) for (let i = 0; i < 20; i++) this.append()
    else if (dice < 975) for (let i = 0; i < 100; i++) this.removeFirst()
    else if (dice < 980) await store.flush()
    else if (dice < 982 && this.reopen !== undefined) {
      this.store = await this.reopen(store)
      await this.compareAll()
    } else assert.equal(store.subject(Buffer.from('no.such'))?.count, undefined)
    assert.equal(this.store.last, model.last)
  }

  private subject(): string {
    const { random } = this
    const tokens = Array.from({ length: 1 + random.below(3) }, () => random.pick(TOKENS))
    return this.variety > 10 ? [...tokens, random.below(this.variety)].join('.') : tokens.join('.')
  }

  private filters(): readonly string[] {
    const { random } = this
    const one = (): string => {
      if (random.chance(0.4) && this.model.messages.length > 0) return random.pick(this.model.messages).subject
      const tokens = Array.from({ length: 1 + random.below(3) }, () => random.pick([...TOKENS, '*', '*']))
      return random.chance(0.5) ? [...tokens, '>'].join('.') : tokens.join('.')
    }
    return random.chance(0.2) ? [] : Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, one)
  }

  private message(): Omit<ModelMessage, 'seq'> {
    const { random } = this
    // Clocks are set back at times.
    this.timeUs += random.chance(0.02) ? -random.below(1_000_000) : random.below(1_000)
    const bytes = random.chance(0.02) ? random.below(20_000) : random.below(200)
    return {
      timeUs: this.timeUs,
      subject: this.subject(),
      headers: random.chance(0.3) ? `NATS/1.0\r\nA: ${random.below(100)}\r\n\r\n` : '',
      payload: random.below(256).toString(16).repeat(bytes).slice(0, bytes),
    }
  }

  private append(): void {
    const message = this.message()
    const { timeUs, subject, headers, payload } = message
    const isPlain = headers === '' && this.random.chance(0.5)
    const number = this.random.below(3)
    const seq = isPlain
      ? this.store.appendPlain(timeUs, plainMessages(subject, payload, number), number)
      : this.store.append(timeUs, Buffer.from(subject), Buffer.from(headers), Buffer.from(payload))
    assert.equal(seq, this.model.append(message))
  }

  private anySeq(): number {
    return Math.max(1, this.model.first - 2 + this.random.below(this.model.last - this.model.first + 5))
  }

  private removeOne(): void {
    const seq = this.anySeq()
    const found = this.model.messages.find((message) => message.seq === seq)
    assert.equal(this.store.remove(seq, this.random.chance(0.3)), found !== undefined)
    if (found !== undefined) this.model.remove(new Set([found]))
  }

  private removeFirst(): void {
    const [found] = this.model.messages
    if (found === undefined) return
    assert.equal(this.store.remove(found.seq, false), true)
    this.model.remove(new Set([found]))
  }

  private purge(): void {
    const { random } = this
    const filters = random.chance(0.05) ? [] : this.filters()
    const way = random.below(3)
    const below = way === 1 ? this.anySeq() : undefined
    const keep = way === 2 ? random.below(20) : undefined
    const purged = this.store.purge({
      filter: new SubjectFilter(filters),
      ...(below === undefined ? {} : { below }),
      ...(keep === undefined ? {} : { keep }),
    })
    assert.equal(purged, this.model.purge(filters, below, keep))
  }

  private skip(): void {
    const { random } = this
    const next = this.model.last + 1 + random.pick([0, 1, 5, 1000, random.chance(0.1) ? 2 ** 33 : 2])
    const timeUs = random.chance(0.5) ? 0 : this.timeUs
    this.store.skipTo(next, timeUs)
    this.model.skipTo(next, timeUs)
  }

  private batch(): void {
    const { store, random } = this
    const [last, lastTimeUs, messages] = [this.model.last, this.model.lastTimeUs, [...this.model.messages]]
    store.begin()
    for (let i = random.below(30); i > 0; i--) this.append()
    if (random.chance(0.7)) {
      store.commit()
      return
    }
    store.rollback()
    Object.assign(this.model, { last, lastTimeUs, messages })
  }

  private compareState(): void {
    const { store, model } = this
    const state = {
      messages: store.messages,
      first: store.first,
      firstTimeUs: store.firstTimeUs,
      last: store.last,
      lastTimeUs: store.lastTimeUs,
      deleted: store.deleted,
    }
    const [oldest] = model.messages
    assert.deepEqual(store.losses, [])
    assert.deepEqual(state, {
      messages: model.messages.length,
      first: model.first,
      firstTimeUs: oldest?.timeUs ?? 0,
      last: model.last,
      lastTimeUs: model.lastTimeUs,
      deleted: oldest === undefined ? 0 : model.last - oldest.seq + 1 - model.messages.length,
    })
  }

  private compareLookups(): void {
    const { store, model, random } = this
    const filters = this.filters()
    const filter = filters.length === 0 ? ALL : new SubjectFilter(filters)
    const from = this.anySeq()
    const found = model.matching(filters)
    assert.equal(store.next(filter, from), found.find(({ seq }) => seq >= from)?.seq ?? 0, `next of ${filters}`)
    assert.equal(store.previous(filter, from), found.findLast(({ seq }) => seq <= from)?.seq ?? 0, `last of ${filters}`)
    assert.equal(store.pending(filter, from), found.filter(({ seq }) => seq >= from).length, `pending of ${filters}`)
    const withHeaders = store.nextWithHeaders(from)
    const first = model.messages.find(({ seq, headers }) => seq >= from && headers !== '')?.seq
    assert(first === undefined || (withHeaders > 0 && withHeaders <= first), 'a message with headers was left out')
    assert(withHeaders === 0 || (withHeaders >= from && store.has(withHeaders)))
    const timeUs = this.timeUs - random.below(100_000)
    const late = model.messages.find((message) => message.timeUs >= timeUs)
    assert.equal(store.firstAtOrAfter(timeUs), late?.seq ?? model.last + 1)
    const message = model.messages.find(({ seq }) => seq === from)
    assert.equal(store.has(from), message !== undefined)
    const entry = store.entry(from)
    assert.deepEqual(entry && { ...entry, subject: String(entry.subject) }, message && this.entryOf(message))
    const subject = message?.subject ?? this.subject()
    const most = random.below(3)
    const same = model.messages.filter((one) => one.subject === subject)
    const oldest = same.length > most ? same[0].seq : 0
    assert.equal(store.surplus(Buffer.from(subject), most), oldest, `more than ${most} on ${subject}`)
  }

  private entryOf({ timeUs, subject, headers, payload }: ModelMessage) {
    return { timeUs, subject, size: this.sizeOf(subject.length, headers.length, payload.length) }
  }

  private async compareLoads(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.compareLoad(this.anySeq())
  }

  private async compareLoad(seq: number): Promise<void> {
    const stored = await this.store.load(seq)
    const message = this.model.messages.find((one) => one.seq === seq)
    const seen = stored && {
      seq: stored.seq,
      timeUs: stored.timeUs,
      subject: String(stored.subject),
      headers: String(stored.headers),
      payload: String(stored.payload),
    }
    assert.deepEqual(seen, message)
  }

  private async compareAll(): Promise<void> {
    const { store, model } = this
    this.compareState()
    const bytes = model.messages.reduce((sum, message) => sum + this.entryOf(message).size, 0)
    assert.equal(store.bytes, bytes)
    const subjects = new Map<string, { count: number; first: number; last: number }>()
    for (const { subject, seq } of model.messages) {
      const known = subjects.get(subject)
      subjects.set(subject, { count: (known?.count ?? 0) + 1, first: known?.first ?? seq, last: seq })
    }
    const filter = this.filters()
    const seen = [...store.subjects(new SubjectFilter(filter))].map(({ subject, ...rest }) => [String(subject), rest])
    const expected = [...subjects].filter(
      ([subject]) => filter.length === 0 || filter.some((one) => matches(one, subject)),
    )
    const byName = ([a]: readonly unknown[], [b]: readonly unknown[]): number => (String(a) < String(b) ? -1 : 1)
    assert.deepEqual(seen.sort(byName), expected.sort(byName))
    assert.equal(store.subjectCount, subjects.size)
    assert.deepEqual([...store.deletedRanges()], model.deletedRanges())
    for (const { seq } of model.messages) if (this.random.chance(0.1)) await this.compareLoad(seq)
  }
}

/** Messages as they are in what was read, of which one has this payload. */
function plainMessages(subject: string, payload: string, number: number): PlainMessages {
  const line = `PUB ${subject} ${payload.length}\r\n`
  const others = Array.from({ length: number }, () => `${line}${'-'.repeat(payload.length)}\r\n`).join('')
  const block = blockFrom(`${others}${line}${payload}\r\n`)
  const subjectStart = 'PUB '.length
  const subjectEnd = subjectStart + subject.length
  const stride = line.length + payload.length + 2
  return { line: block, subjectStart, subjectEnd, block, first: line.length, stride, size: payload.length }
}
