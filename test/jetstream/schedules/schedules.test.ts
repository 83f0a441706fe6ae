// The schedules of a stream, with a clock that the test moves.

import { expect, test } from 'vitest'
import { microseconds } from '../../../src/jetstream/clock.ts'
import { headerBlock, readHeaders } from '../../../src/jetstream/message-headers.ts'
import { ScheduleTimer } from '../../../src/jetstream/schedules/schedule-timer.ts'
import { type ScheduledStream, Schedules } from '../../../src/jetstream/schedules/schedules.ts'
import { MemoryStore } from '../../../src/jetstream/storage/memory-store.ts'
import { SubjectFilter } from '../../../src/jetstream/storage/subject-filter.ts'
import { streamConfig } from '../../../src/jetstream/stream-config.ts'

const START = microseconds('2026-01-01T00:00:00Z')
const S = 1_000_000

/** A stream that stores what it is given, and nothing else. */
class Scene implements ScheduledStream {
  readonly config = streamConfig({ name: 'S', subjects: ['S.>'], allow_msg_schedules: true })
  readonly store = new MemoryStore()
  readonly closed = false
  readonly owner = { wake() {}, bugMet: (error: unknown) => this.bugs.push(error) }
  readonly bugs: unknown[] = []
  readonly timer: ScheduleTimer
  readonly schedules: Schedules
  /** What is stored is refused. */
  isFull = false
  nowUs = START

  constructor(before?: Scene) {
    this.timer = new ScheduleTimer(this.owner, () => this.nowUs)
    if (before !== undefined) {
      this.store = before.store
      this.nowUs = before.nowUs
    }
    this.schedules = new Schedules(this, this.timer)
  }

  put(subject: string, payload: string, headers: Readonly<Record<string, string>> = {}): void {
    this.produce(Buffer.from(subject), headerBlock(Object.entries(headers)), Buffer.from(payload))
  }

  produce(subject: Buffer, headers: Buffer, payload: Buffer): boolean {
    if (this.isFull) return false
    const seq = this.store.append(this.nowUs, subject, headers, payload)
    this.schedules.stored(seq, subject, readHeaders(headers), this.nowUs)
    return true
  }

  purge(filter: string): number {
    const purged = this.store.purge(filter === '' ? {} : { filter: new SubjectFilter([filter]) })
    this.schedules.purged(filter)
    return purged
  }

  /** The clock goes forward, and what is due then is done. */
  async pass(seconds: number): Promise<void> {
    this.nowUs += seconds * S
    this.timer.ring()
    // Until all that was begun is done: memory answers at once.
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** What is on a subject: payloads, and what is said of the schedule. */
  on(subject: string): [payload: string, next: string | undefined][] {
    const filter = new SubjectFilter([subject])
    const found: [string, string | undefined][] = []
    for (let seq = this.store.next(filter, 1); seq > 0; seq = this.store.next(filter, seq + 1)) {
      const message = this.store.load(seq)
      if (message === undefined || message instanceof Promise) throw new Error('a memory store has it at once')
      const headers = readHeaders(message.headers)
      found.push([message.payload.toString(), headers.get('Nats-Schedule-Next')])
    }
    return found
  }
}

const every = { 'Nats-Schedule': '@every 10s', 'Nats-Schedule-Target': 'S.t' }

test('a schedule makes its message once, and is gone', async () => {
  const scene = new Scene()
  scene.put('S.s', 'x', { 'Nats-Schedule': '@at 2026-01-01T00:01:00Z', 'Nats-Schedule-Target': 'S.t' })
  await scene.pass(59)
  expect(scene.on('S.t')).toEqual([])
  await scene.pass(2)
  expect(scene.on('S.t')).toEqual([['x', 'purge']])
  expect([scene.on('S.s'), scene.schedules.size, scene.timer.size]).toEqual([[], 0, 0])
  await scene.pass(1000)
  expect(scene.on('S.t').length).toBe(1)
  expect(scene.bugs).toEqual([])
})

test('a schedule makes messages again and again, and what was missed is left out', async () => {
  const scene = new Scene()
  scene.put('S.s', 'x', every)
  await scene.pass(11)
  await scene.pass(10)
  expect(scene.on('S.t')).toEqual([
    ['x', '2026-01-01T00:00:20Z'],
    ['x', '2026-01-01T00:00:30Z'],
  ])
  await scene.pass(100)
  expect(scene.on('S.t').at(-1)).toEqual(['x', '2026-01-01T00:02:11Z'])
  expect(scene.on('S.t').length).toBe(3)
})

test('headers of the schedule are left out, others stay, and content comes from elsewhere', async () => {
  const scene = new Scene()
  scene.put('S.c', 'content', { own: 'c', 'Nats-Msg-Id': 'i', 'Nats-Rollup': 'sub', 'Nats-Expected-Stream': 'S' })
  scene.put('S.s', 'x', {
    ...every,
    own: 's',
    'Nats-Schedule-Source': 'S.c',
    'Nats-Schedule-TTL': '5m',
    'Nats-Schedule-Rollup': 'sub',
  })
  await scene.pass(11)
  const made = scene.store.load(3)
  if (made === undefined || made instanceof Promise) throw new Error('there is no message')
  expect(made.payload.toString()).toBe('content')
  expect([...readHeaders(made.headers)]).toEqual([
    ['own', 'c'],
    ['Nats-Scheduler', 'S.s'],
    ['Nats-Schedule-Next', '2026-01-01T00:00:20Z'],
    ['Nats-TTL', '5m'],
    ['Nats-Rollup', 'sub'],
  ])
  scene.purge('S.c')
  await scene.pass(10)
  expect(scene.on('S.t').at(-1)?.[0]).toBe('x')
})

test('another message on its subject, a removal or a purge ends a schedule', async () => {
  const scene = new Scene()
  for (const name of ['a', 'b', 'c', 'd']) scene.put(`S.${name}`, name, every)
  scene.put('S.e', 'e', { ...every, 'Nats-Schedule': '@at 2999-01-01T00:00:00Z' })
  expect([scene.schedules.size, scene.timer.size]).toEqual([5, 5])
  scene.put('S.a', 'plain')
  scene.store.remove(2, false)
  scene.schedules.removed(2)
  scene.purge('S.c')
  scene.put('S.x', 'ends one', { 'Nats-Scheduler': 'S.e', 'Nats-Schedule-Next': 'purge' })
  expect([scene.schedules.size, scene.timer.size]).toEqual([1, 1])
  await scene.pass(11)
  expect(scene.on('S.t').map(([payload]) => payload)).toEqual(['d'])
  scene.purge('S.*')
  expect([scene.schedules.size, scene.timer.size]).toEqual([0, 0])
})

test('a schedule that is replaced goes by the new one', async () => {
  const scene = new Scene()
  scene.put('S.s', 'old', every)
  scene.put('S.s', 'new', { ...every, 'Nats-Schedule': '@every 30s' })
  await scene.pass(11)
  expect(scene.on('S.t')).toEqual([])
  await scene.pass(20)
  expect(scene.on('S.t')).toEqual([['new', '2026-01-01T00:01:00Z']])
})

test('what cannot be stored is tried again', async () => {
  const scene = new Scene()
  scene.put('S.s', 'x', { 'Nats-Schedule': '@at 2026-01-01T00:00:05Z', 'Nats-Schedule-Target': 'S.t' })
  scene.put('S.r', 'y', every)
  scene.isFull = true
  await scene.pass(12)
  scene.isFull = false
  expect(scene.on('S.t')).toEqual([])
  await scene.pass(2)
  expect(scene.on('S.t')).toEqual([['x', 'purge']])
  await scene.pass(9)
  expect(scene.on('S.t').map(([payload]) => payload)).toEqual(['x', 'y'])
})

test('after a restart, schedules go on where they were: one time for all that were missed', async () => {
  const first = new Scene()
  first.put('S.s', 'x', every)
  first.put('S.o', 'once', { 'Nats-Schedule': '@at 2026-01-01T01:00:00Z', 'Nats-Schedule-Target': 'S.u' })
  await first.pass(11)
  first.nowUs += 100 * S

  const second = new Scene(first)
  await second.schedules.recall()
  expect(second.schedules.size).toBe(2)
  await second.pass(1)
  expect(second.on('S.t').map(([, next]) => next)).toEqual(['2026-01-01T00:00:20Z', '2026-01-01T00:02:02Z'])
  await second.pass(4000)
  expect(second.on('S.u')).toEqual([['once', 'purge']])
})

test('a schedule whose message was stored, but not its end, is not done twice', async () => {
  const first = new Scene()
  const once = { 'Nats-Schedule': '@at 2026-01-01T00:00:05Z', 'Nats-Schedule-Target': 'S.t' }
  first.put('S.s', 'x', once)
  // The process ended between the two.
  const made = headerBlock([
    ['Nats-Scheduler', 'S.s'],
    ['Nats-Schedule-Next', 'purge'],
  ])
  first.store.append(first.nowUs, Buffer.from('S.t'), made, Buffer.from('x'))

  const second = new Scene(first)
  await second.schedules.recall()
  expect([second.on('S.s'), second.schedules.size]).toEqual([[], 0])
  await second.pass(10)
  expect(second.on('S.t').length).toBe(1)
})

test('schedules that come and go leave nothing', () => {
  const scene = new Scene()
  const subject = Buffer.from('S.s')
  const headers = headerBlock(Object.entries({ ...every, 'Nats-Schedule': '@at 2999-01-01T00:00:00Z' }))
  const read = readHeaders(headers)
  for (let i = 0; i < 20_000; i++) {
    const seq = scene.store.append(scene.nowUs, subject, headers, subject)
    scene.schedules.stored(seq, subject, read, scene.nowUs)
    scene.purge('S.s')
  }
  expect([scene.schedules.size, scene.timer.size]).toEqual([0, 0])
})
