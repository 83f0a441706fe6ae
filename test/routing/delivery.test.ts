// Runs to receivers, byte by byte, over real chunks; the sockets are those of parts.ts.

import { beforeEach, describe, expect, test } from 'vitest'
import { StreamImport } from '../../src/accounts/account.ts'
import { BY_REFERENCE_MIN, CHUNK_BYTES, FLUSH_EARLY_BYTES, HOLD_PENDING } from '../../src/base/constants.ts'
import { DropPolicy } from '../../src/net/drop-policy.ts'
import { CLIENT_DIALECT } from '../../src/protocol/encoder.ts'
import type { Run } from '../../src/protocol/run.ts'
import { Delivery } from '../../src/routing/delivery.ts'
import type { ReceiverGroup } from '../../src/routing/queue-plan.ts'
import { ImportedSubscription, LEAVING, type Subscription } from '../../src/routing/subscription.ts'
import { compileTransform, type Transform } from '../../src/subjects/transform.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { GLOBAL, type Messages, runOf, TestOutputs, TestPublisher, TestReceiver } from './parts.ts'

const HEADER = 'NATS/1.0\r\nA: b\r\n\r\n'

class Stage {
  readonly pool = new CountingPool()
  readonly outputs = new TestOutputs(this.pool)
  readonly options = { trace: false, noFastProducerStall: false }
  flushes = 0
  readonly delivery: Delivery
  readonly publisher = new TestPublisher()

  constructor() {
    const { pool, options } = this
    this.delivery = new Delivery({ pool, options, nowMs: 77, schedule: () => undefined, flush: () => this.endTurn() })
  }

  endTurn(): void {
    this.flushes++
    this.delivery.endTurn()
    this.outputs.flush()
  }

  receiver(...members: ConstructorParameters<typeof TestReceiver> extends [unknown, ...infer R] ? R : never) {
    return new TestReceiver(this.outputs, ...members)
  }
}

/** A group of subscriptions of which all messages look the same. */
function groupOf(...subscriptions: Subscription[]): ReceiverGroup {
  const [{ sid, receiver }] = subscriptions
  return { subject: '', sid, headers: receiver.options.headers, dialect: CLIENT_DIALECT, subscriptions }
}

/** What a client reads of these messages. */
function encoded({ subject, reply = '', header = '', payloads }: Messages, sid: string, withHeader: boolean): string {
  const way = `${subject} ${sid} ${reply === '' ? '' : `${reply} `}`
  return payloads
    .map((payload) =>
      withHeader && header !== ''
        ? `HMSG ${way}${header.length} ${header.length + payload.length}\r\n${header}${payload}\r\n`
        : `MSG ${way}${payload.length}\r\n${payload}\r\n`,
    )
    .join('')
}

const numbered = (count: number, bytes: number): string[] =>
  Array.from({ length: count }, (_, i) => (bytes === 0 ? '' : String(i).padStart(bytes, '.').slice(-bytes)))

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})

test('any run to any receivers, across any borders of chunks, is what a naive encoder makes of it', () => {
  const random = new Random(chooseSeed('delivery'))
  const receivers = Array.from({ length: 6 }, (_, i) => stage.receiver({ headers: i % 2 === 0 }))
  const wanted = new Map(receivers.map((receiver) => [receiver, '']))
  const longest = [3, 40, 700, BY_REFERENCE_MIN + 5_000]
  for (let round = 0; round < 400; round++) {
    const bytes = random.below(random.pick(longest))
    const count = bytes > 5_000 ? 1 + random.below(4) : 1 + random.below(random.pick([3, 300]))
    const messages: Messages = {
      subject: random.pick(['a', 'orders.new', 's'.repeat(150)]),
      reply: random.pick(['', '_INBOX.7']),
      header: random.pick(['', HEADER]),
      payloads: numbered(count, bytes),
    }
    // Large messages are assembled in a chunk each; of others a receiver may keep nothing.
    const isLarge = bytes >= BY_REFERENCE_MIN
    const chunk = isLarge ? stage.pool.acquire(bytes + 1_000) : undefined
    if (isLarge) (messages.payloads as string[]).length = 1
    const run = runOf(messages, chunk)
    const from = isLarge ? 0 : random.below(count)
    const left = isLarge ? 1 : 1 + random.below(count - from)
    const headers = random.chance(0.5)
    const sid = String(round)
    const those = receivers.filter((one) => one.options.headers === headers && random.chance(0.6))
    if (those.length > 0) {
      const group = groupOf(...those.map((one) => one.subscription(messages.subject, { sid })))
      const sent = stage.delivery.toGroup(run, group, from, left, stage.publisher)
      expect(sent, `seed ${random.seed}, round ${round}`).toBe(those.length * left)
      const part = { ...messages, payloads: messages.payloads.slice(from, from + left) }
      for (const one of those) wanted.set(one, wanted.get(one) + encoded(part, sid, headers))
    }
    chunk?.release()
    // What was read into is read into again.
    if (!isLarge) run.block.bytes.fill('!')
    for (const { transport } of receivers) {
      if (random.chance(0.1)) transport.isSlow = !transport.isSlow
      if (random.chance(0.2)) transport.take()
    }
    if (random.chance(0.5)) stage.endTurn()
  }
  for (const { transport } of receivers) {
    transport.isSlow = false
    transport.take()
  }
  stage.endTurn()
  for (const [receiver, text] of wanted) expect(receiver.read() === text, `seed ${random.seed}`).toBe(true)
  // All that is out is the chunk that is still being filled.
  expect(stage.pool.outstanding).toBeLessThanOrEqual(1)
})

describe('memory', () => {
  test('many receivers hold slices of what is encoded once', () => {
    const receivers = Array.from({ length: 50 }, () => stage.receiver())
    const run = runOf({ subject: 'a', payloads: numbered(20, 100) })
    stage.delivery.toGroup(run, groupOf(...receivers.map((one) => one.subscription('a'))), 0, 20, stage.publisher)
    expect(stage.pool.acquired).toBe(1)
    stage.endTurn()
    expect(new Set(receivers.map((one) => one.read())).size).toBe(1)
    expect(stage.pool.outstanding).toBe(1)
  })

  test('the chunk for many is filled further in the next turns, and let go when it is full', () => {
    const receivers = [stage.receiver(), stage.receiver()]
    const group = groupOf(...receivers.map((one) => one.subscription('a')))
    const run = runOf({ subject: 'a', payloads: ['x'.repeat(1_000)] })
    const fitting = Math.floor(CHUNK_BYTES / 1_020)
    for (let i = 0; i < fitting; i++) {
      stage.delivery.toGroup(run, group, 0, 1, stage.publisher)
      stage.endTurn()
    }
    expect(stage.pool.acquired).toBe(1)
    for (let i = 0; i < 2; i++) stage.delivery.toGroup(run, group, 0, 1, stage.publisher)
    stage.endTurn()
    expect([stage.pool.acquired, stage.pool.outstanding]).toEqual([2, 1])
  })

  test('a large message goes to one or many from where it was assembled, which is kept until all have taken it', () => {
    const payload = 'large'.repeat(BY_REFERENCE_MIN / 5 + 1)
    const chunk = stage.pool.acquire(payload.length + 1_000)
    const messages = { subject: 'a', header: HEADER, payloads: [payload] }
    const run = runOf(messages, chunk)
    const [alone, ...others] = [0, 1, 2].map(() => stage.receiver())
    const plain = stage.receiver({ headers: false })
    alone.transport.isSlow = true
    stage.delivery.toOne(run, alone.subscription('a'), '', 0, 1, stage.publisher)
    stage.delivery.toGroup(run, groupOf(...others.map((one) => one.subscription('a'))), 0, 1, stage.publisher)
    stage.delivery.toOne(run, plain.subscription('a'), '', 0, 1, stage.publisher)
    // Beside it, each has a small piece for the head.
    expect(stage.pool.acquired).toBe(5)
    chunk.release()
    stage.endTurn()
    for (const one of others) expect(one.read()).toBe(encoded(messages, '1', true))
    expect(plain.read()).toBe(encoded(messages, '1', false))
    // Its head is in flight as well.
    expect(stage.pool.outstanding).toBe(2)
    alone.transport.take()
    expect(alone.read()).toBe(encoded(messages, '1', true))
    expect(stage.pool.outstanding).toBe(0)
  })

  test('a large message of which nobody may keep the memory is copied', () => {
    const payload = 'y'.repeat(3 * BY_REFERENCE_MIN)
    const run = runOf({ subject: 'a', payloads: [payload] })
    const receivers = [stage.receiver(), stage.receiver()]
    stage.delivery.toOne(run, receivers[0].subscription('a'), '', 0, 1, stage.publisher)
    stage.delivery.toGroup(run, groupOf(...receivers.map((one) => one.subscription('a'))), 0, 1, stage.publisher)
    run.block.bytes.fill('!')
    stage.endTurn()
    const message = `MSG a 1 ${payload.length}\r\n${payload}\r\n`
    expect(receivers.map((one) => one.read() === message.repeat(one === receivers[0] ? 2 : 1))).toEqual([true, true])
  })

  test('bytes go out before the end of the turn when very many have come together, and not when few have', () => {
    const one = stage.receiver()
    const subscription = one.subscription('a')
    const run = runOf({ subject: 'a', payloads: ['x'.repeat(10_000)] })
    for (let bytes = 0; bytes + 10_100 < FLUSH_EARLY_BYTES; bytes += 10_100) {
      stage.delivery.toOne(run, subscription, '', 0, 1, stage.publisher)
      stage.delivery.endRun()
    }
    expect(stage.flushes).toBe(0)
    for (let i = 0; i < 3; i++) stage.delivery.toOne(run, subscription, '', 0, 1, stage.publisher)
    stage.delivery.endRun()
    expect(stage.flushes).toBe(1)
    stage.delivery.endRun()
    expect(stage.flushes).toBe(1)
  })
})

describe('who gets nothing, or not all', () => {
  const MESSAGES = { subject: 'a', payloads: numbered(10, 30) }
  const run = (): Run => runOf(MESSAGES)

  test('a subscription gets as many as it wants, and then ends, once', () => {
    const one = stage.receiver()
    const subscription = one.subscription('a', { max: 12 })
    const send = (): number => stage.delivery.toGroup(run(), groupOf(subscription), 0, 10, stage.publisher)
    expect([send(), one.ended, send(), one.ended]).toEqual([10, [subscription], 2, [subscription]])
    expect([send(), one.outMessages, one.ended.length]).toEqual([0, 12, 1])
    stage.endTurn()
    expect(one.read()).toBe(encoded({ ...MESSAGES, payloads: numbered(10, 30).concat(numbered(2, 30)) }, '1', true))
  })

  test('what comes by an import counts for the subscription that it is made for', () => {
    const one = stage.receiver()
    const origin = one.subscription('there.a', { max: 1 })
    const inward = compileTransform('a', 'there.a') as Transform
    const imported = new ImportedSubscription(origin, new StreamImport(GLOBAL, inward, false), 'a', GLOBAL)
    imported.node = 1
    const group = { ...groupOf(imported), subject: 'there.a' }
    expect(stage.delivery.toGroup(run(), group, 0, 10, stage.publisher)).toBe(1)
    stage.endTurn()
    expect(one.read()).toBe(encoded({ subject: 'there.a', payloads: numbered(1, 30) }, '1', true))
    expect([origin.delivered, one.ended]).toEqual([1, [origin]])
    expect(stage.delivery.toGroup(run(), group, 0, 10, stage.publisher)).toBe(0)
  })

  test('those that are closing or not listed any more get nothing; one that leaves still does', () => {
    const [closing, gone, leaving] = [0, 1, 2].map(() => stage.receiver())
    closing.closing = true
    const subscriptions = [closing, gone, leaving].map((one) => one.subscription('a'))
    subscriptions[1].node = 0
    subscriptions[2].node = LEAVING
    expect(stage.delivery.toGroup(run(), groupOf(...subscriptions), 0, 10, stage.publisher)).toBe(10)
    const alone = subscriptions.map((one) => stage.delivery.toOne(run(), one, '', 0, 10, stage.publisher))
    expect(alone).toEqual([0, 0, 10])
    expect([closing, gone, leaving].map(({ outMessages }) => outMessages)).toEqual([0, 0, 20])
  })

  test('what one publishes itself comes back to it only if it wants that', () => {
    const [echo, silent] = [stage.receiver(), stage.receiver({ echo: false })]
    const group = groupOf(echo.subscription('a'), silent.subscription('a'))
    const sent = (id: number): number => stage.delivery.toGroup(run(), group, 0, 10, new TestPublisher(id))
    expect([sent(echo.id), sent(silent.id), sent(0)]).toEqual([20, 10, 20])
  })

  test('one that is cut in the middle of a run takes nothing more, and the others get all of it', () => {
    const slow = stage.receiver({ pendingMax: 150_000 })
    const other = stage.receiver()
    slow.transport.isSlow = true
    const long = { subject: 'a', payloads: numbered(400, 1_000) }
    const group = groupOf(slow.subscription('a'), other.subscription('a'))
    const sent = stage.delivery.toGroup(runOf(long), group, 0, 400, stage.publisher)
    expect(slow.closing).toBe(true)
    expect(sent).toBe(400 + slow.outMessages)
    expect(slow.outMessages).toBeLessThan(300)
    stage.endTurn()
    expect(other.read()).toBe(encoded(long, '1', true))
    const alone = stage.receiver({ pendingMax: 150_000 })
    alone.transport.isSlow = true
    const { acquired } = stage.pool
    stage.delivery.toOne(runOf(long), alone.subscription('a'), '', 0, 400, stage.publisher)
    expect([alone.closing, alone.outbound.pendingBytes]).toEqual([true, 0])
    expect(stage.pool.acquired - acquired).toBeLessThanOrEqual(Math.ceil(150_000 / CHUNK_BYTES) + 1)
  })

  test.each(['drop_oldest', 'drop_newest'] as const)('one that drops messages (%s) gets whole ones', (policy) => {
    const random = new Random(chooseSeed(policy))
    const lossy = stage.receiver({ pendingMax: 50_000 })
    const other = stage.receiver()
    let dropped = 0
    lossy.outbound.setDropPolicy(new DropPolicy(policy, (messages) => (dropped += messages)))
    lossy.transport.isSlow = true
    const subscriptions = [lossy, other].map((one) => one.subscription('a'))
    let [number, wanted] = [0, '']
    for (let i = 0; i < 60; i++) {
      const chunk = stage.pool.acquire(20_000)
      const isLarge = random.chance(0.2)
      const [count, bytes] = isLarge ? [1, BY_REFERENCE_MIN] : [1 + random.below(30), 200]
      const payloads = Array.from({ length: count }, () => String(number++).padStart(bytes, '.'))
      const those = runOf({ subject: 'a', payloads }, isLarge ? chunk : undefined)
      if (random.chance(0.5)) {
        stage.delivery.toGroup(those, groupOf(...subscriptions), 0, payloads.length, stage.publisher)
        wanted += encoded({ subject: 'a', payloads }, '1', true)
      } else stage.delivery.toOne(those, subscriptions[0], '', 0, payloads.length, stage.publisher)
      chunk.release()
      if (random.chance(0.5)) stage.endTurn()
    }
    while (lossy.outbound.pendingBytes > 0) {
      stage.endTurn()
      lossy.transport.take()
    }
    const came = [...lossy.read().matchAll(/MSG a 1 (\d+)\r\n\.*(\d+)\r\n/g)].map(([, , digits]) => Number(digits))
    const story = `seed ${random.seed}`
    expect(came, story).toEqual([...came].sort((a, b) => a - b))
    expect([dropped > 0, came.length > 0, lossy.closing], story).toEqual([true, true, false])
    expect(came.length + dropped, story).toBe(number)
    expect(other.read() === wanted, story).toBe(true)
    expect(stage.publisher.heldFor).toEqual([])
  })
})

describe('what is counted and told', () => {
  test('messages and bytes as the receiver sees them, and when it was', () => {
    const [headers, plain] = [stage.receiver(), stage.receiver({ headers: false })]
    const run = runOf({ subject: 'a', header: HEADER, payloads: numbered(3, 10) })
    for (const one of [headers, plain]) stage.delivery.toOne(run, one.subscription('a'), '', 1, 2, stage.publisher)
    expect(headers).toMatchObject({ outMessages: 2, outBytes: 2 * (HEADER.length + 10), lastActivityMs: 77 })
    expect(plain).toMatchObject({ outMessages: 2, outBytes: 20, lastActivityMs: 77 })
  })

  test('whoever may answer what it gets has the reply subject noted, if there is one', () => {
    const replies: string[] = []
    const rights = (mayAnswer: boolean) => ({
      mayDeliver: () => true,
      mayAnswer,
      delivered: (reply: string): void => void replies.push(reply),
    })
    const [may, mayNot] = [true, false].map((mayAnswer) => stage.receiver({ rights: rights(mayAnswer) }))
    for (const reply of ['_INBOX.\xff', '']) {
      const run = runOf({ subject: 'a', reply, payloads: ['x'] })
      for (const one of [may, mayNot]) stage.delivery.toOne(run, one.subscription('a'), '', 0, 1, stage.publisher)
    }
    expect(replies).toEqual(['_INBOX.\xff'])
  })

  test('a publisher is held for a receiver that falls behind, unless the options say not to', () => {
    const slow = stage.receiver()
    slow.transport.isSlow = true
    const run = runOf({ subject: 'a', payloads: ['x'.repeat(HOLD_PENDING / 2)] })
    const send = (): unknown[] => {
      stage.delivery.toOne(run, slow.subscription('a'), '', 0, 1, stage.publisher)
      return stage.publisher.heldFor
    }
    expect(send()).toEqual([])
    expect(send()).toEqual([slow.outbound])
    stage.options.noFastProducerStall = true
    expect(send()).toEqual([slow.outbound])
  })

  test('the log is told of each message that goes out, and of none that does not', () => {
    stage.options.trace = true
    const [one, limited, plain] = [stage.receiver(), stage.receiver(), stage.receiver({ headers: false })]
    const run = runOf({ subject: 'a', reply: 'r', header: HEADER, payloads: ['1', '2', '3'] })
    const group = groupOf(one.subscription('a'), limited.subscription('a', { max: 1 }))
    stage.delivery.toGroup(run, { ...group, subscriptions: [group.subscriptions[0]] }, 1, 2, stage.publisher)
    stage.delivery.toGroup(run, { ...group, subscriptions: [group.subscriptions[1]] }, 0, 3, stage.publisher)
    stage.delivery.toOne(run, plain.subscription('a', { sid: '9' }), 'b', 2, 1, stage.publisher)
    const size = HEADER.length
    expect(one.shown).toEqual(['2', '3'].map((payload) => [`HMSG a 1 r ${size} ${size + 1}`, size, HEADER + payload]))
    expect(limited.shown.map(([, , message]) => message)).toEqual([`${HEADER}1`])
    expect(plain.shown).toEqual([['MSG b 9 r 1', 0, '3']])
    const others = [stage.receiver(), stage.receiver()]
    stage.delivery.toGroup(run, groupOf(...others.map((other) => other.subscription('a'))), 0, 1, stage.publisher)
    expect(others.map(({ shown }) => shown.length)).toEqual([1, 1])
  })
})
