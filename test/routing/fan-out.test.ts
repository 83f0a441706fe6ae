// Messages of a turn to several receivers with sids of their own, through Delivery.toAll(), byte by byte.

import { beforeEach, describe, expect, test } from 'vitest'
import { BY_REFERENCE_MIN, CHUNK_BYTES, HOLD_PENDING } from '../../src/base/constants.ts'
import { DropPolicy } from '../../src/net/drop-policy.ts'
import { CLIENT_DIALECT } from '../../src/protocol/encoder.ts'
import { Audiences } from '../../src/routing/audiences.ts'
import { Delivery } from '../../src/routing/delivery.ts'
import { Plan } from '../../src/routing/plan.ts'
import type { Subscription } from '../../src/routing/subscription.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { GLOBAL, type Messages, runOf, TestOutputs, TestPublisher, TestReceiver } from './parts.ts'

const HEADER = 'NATS/1.0\r\nA: b\r\n\r\n'

class Stage {
  readonly pool = new CountingPool()
  readonly outputs = new TestOutputs(this.pool)
  readonly options = { trace: false, noFastProducerStall: false }
  readonly publisher = new TestPublisher()
  scheduled = 0
  readonly delivery: Delivery

  constructor() {
    const { pool, options } = this
    const schedule = (): void => void this.scheduled++
    this.delivery = new Delivery({ pool, options, nowMs: 77, schedule, flush: () => this.endTurn() })
  }

  endTurn(): void {
    this.delivery.endTurn()
    this.outputs.flush()
  }

  receivers(
    count: number,
    ...members: ConstructorParameters<typeof TestReceiver> extends [unknown, ...infer R] ? R : never
  ) {
    return Array.from({ length: count }, () => new TestReceiver(this.outputs, ...members))
  }

  /** Delivers to all of a plan. */
  send(plan: Plan, messages: Messages, publisher = this.publisher): number {
    const run = runOf(messages)
    const sent = this.delivery.toAll(run, plan, publisher)
    // What was read into is read into again.
    run.block.bytes.fill('!')
    this.delivery.endRun()
    return sent
  }
}

/** A plan that was looked up anew: groups of its own. */
function planOf(subscriptions: readonly Subscription[]): Plan {
  const plan = new Plan(GLOBAL, 1, 0, 0)
  for (const subscription of subscriptions) {
    const { sid, receiver } = subscription
    const { headers } = receiver.options
    plan.addReceiver({ subject: '', sid, headers, dialect: CLIENT_DIALECT, subscriptions: [subscription] })
  }
  plan.complete(audiences)
  return plan
}

function encoded({ subject, reply = '', header = '', payloads }: Messages, sid: string, headers: boolean): string[] {
  const way = `${subject} ${sid} ${reply === '' ? '' : `${reply} `}`
  return payloads.map((payload) =>
    headers && header !== ''
      ? `HMSG ${way}${header.length} ${header.length + payload.length}\r\n${header}${payload}\r\n`
      : `MSG ${way}${payload.length}\r\n${payload}\r\n`,
  )
}

let stage: Stage
let audiences: Audiences
beforeEach(() => {
  audiences = new Audiences()
  stage = new Stage()
})

test('whatever goes to whomever, each receiver reads what it would read alone, in the order of publication', () => {
  const random = new Random(chooseSeed('batches'))
  const receivers = Array.from({ length: 7 }, (_, i) => new TestReceiver(stage.outputs, { headers: i % 3 !== 0 }))
  const subscriptions = receivers.flatMap((one) =>
    random.chance(0.5)
      ? [one.subscription('>', { sid: random.pick(['1', '42', '9001']) })]
      : ['7', '43', '44', '123456'].filter(() => random.chance(0.5)).map((sid) => one.subscription('>', { sid })),
  )
  const wanted = new Map(receivers.map((receiver) => [receiver, '']))
  // Few audiences, each of several plans, so that batches grow, end, and meet plans that they do not know.
  const audiences = Array.from({ length: 3 }, () => subscriptions.filter(() => random.chance(0.7)))
  const plans = audiences.flatMap((audience) =>
    [planOf(audience), planOf(audience)].map((plan) => ({ plan, audience })),
  )
  let counted = 0
  for (let round = 0; round < 3_000; round++) {
    const { plan, audience } = random.chance(0.8) ? plans[0] : random.pick(plans)
    const bytes = random.below(random.pick([3, 40, 700, BY_REFERENCE_MIN + 9_000]))
    const count = bytes > 5_000 ? 1 : 1 + random.below(random.pick([2, 2, 60]))
    const messages: Messages = {
      subject: random.pick(['a', 'orders.new', 's'.repeat(60)]),
      reply: random.pick(['', '_INBOX.7']),
      header: random.pick(['', HEADER]),
      payloads: Array.from({ length: count }, (_, i) => `${round + i}`.padStart(bytes, '.').slice(0, bytes)),
    }
    expect(stage.send(plan, messages), `seed ${random.seed}`).toBe(count * audience.length)
    counted += count * audience.length
    for (const receiver of receivers) {
      const own = plan.groups.flatMap((group) => group.subscriptions.filter((one) => one.receiver === receiver))
      // Runs are told apart from each other: a receiver with two subscriptions has a run by both, message by message.
      const texts = own.map(({ sid }) => encoded(messages, sid, receiver.options.headers))
      let text = ''
      if (texts.length > 0) for (let i = 0; i < count; i++) for (const one of texts) text += one[i]
      wanted.set(receiver, wanted.get(receiver) + text)
    }
    if (random.chance(0.1)) {
      const receiver = random.pick(receivers)
      receiver.outbound.appendBuffer(Buffer.from('PONG\r\n'))
      wanted.set(receiver, `${wanted.get(receiver)}PONG\r\n`)
    }
    for (const { transport } of receivers) {
      if (random.chance(0.05)) transport.isSlow = !transport.isSlow
      if (random.chance(0.1)) transport.take()
    }
    if (random.chance(0.1)) stage.endTurn()
  }
  stage.endTurn()
  for (const { transport } of receivers) {
    transport.isSlow = false
    transport.take()
  }
  stage.endTurn()
  for (const [receiver, text] of wanted) expect(receiver.read() === text, `seed ${random.seed}`).toBe(true)
  let delivered = 0
  for (const { outMessages } of receivers) delivered += outMessages
  expect(delivered).toBe(counted)
  expect(subscriptions.reduce((sum, one) => sum + one.delivered, 0)).toBe(counted)
  // All that is out is the chunk that is still being filled.
  expect(stage.pool.outstanding).toBeLessThanOrEqual(1)
})

describe('one encoding for all', () => {
  const MESSAGES = { subject: 'orders.1', payloads: ['hello'] }

  test('a turn of messages takes one page, whichever subjects they have, and is asked to end', () => {
    const subscriptions = stage.receivers(16).map((one, i) => one.subscription('>', { sid: `${10 + i}` }))
    const plans = [planOf(subscriptions), planOf(subscriptions)]
    for (let i = 0; i < 20; i++) stage.send(plans[i % 2], { subject: `orders.${i}`, payloads: ['hello'] })
    expect([stage.pool.acquired, stage.scheduled]).toEqual([1, 1])
    expect(plans[1].audience).toBe(plans[0].audience)
    stage.endTurn()
    expect(stage.pool.outstanding).toBe(0)
    for (const [i, { receiver }] of subscriptions.entries()) {
      const text = Array.from({ length: 20 }, (_, k) => `MSG orders.${k} ${10 + i} 5\r\nhello\r\n`).join('')
      expect((receiver as TestReceiver).read()).toBe(text)
    }
  })

  test('messages for other subscriptions of the same receivers join in, in the order of publication', () => {
    const random = new Random(chooseSeed('parts'))
    const receivers = stage.receivers(5)
    const sids = (one: number): string[] => [1, 20, 21, 300].map((sid) => `${sid * 10 + one}`)
    const lists = receivers.map((one, i) => sids(i).map((sid) => one.subscription('>', { sid })))
    const patterns = [[0], [0, 1], [0, 2, 3], [1, 2, 3], [3]]
    const plans = patterns.map((pattern) => planOf(lists.flatMap((list) => pattern.map((place) => list[place]))))
    const wanted = receivers.map(() => '')
    for (let i = 0; i < 50; i++) {
      const choice = random.below(patterns.length)
      const messages = { subject: `a.${i}`, payloads: ['x'.repeat(random.below(90))] }
      expect(stage.send(plans[choice], messages)).toBe(patterns[choice].length * receivers.length)
      for (const [r] of receivers.entries()) {
        for (const place of patterns[choice]) wanted[r] += encoded(messages, sids(r)[place], true)[0]
      }
    }
    // No audience ended what the one before had begun.
    expect([stage.pool.acquired, stage.scheduled]).toEqual([1, 1])
    stage.endTurn()
    expect(receivers.map((one) => one.read())).toEqual(wanted)
    for (const [r, list] of lists.entries()) {
      const counted = list.reduce((sum, { delivered }) => sum + delivered, 0)
      expect(receivers[r].outMessages).toBe(counted)
      expect(counted).toBe(wanted[r].split('MSG ').length - 1)
    }
  })

  test('a receiver that takes nothing has its own bytes, and the next ones get a copy', () => {
    const receivers = stage.receivers(3)
    const plan = planOf(receivers.map((one, i) => one.subscription('>', { sid: `${i + 1}` })))
    receivers[0].transport.isSlow = true
    const payload = 'x'.repeat(6_000)
    for (let i = 0; i < 4; i++) stage.send(plan, { subject: 'a', payloads: [payload] })
    stage.endTurn()
    for (const { transport } of receivers) transport.take()
    for (const [i, one] of receivers.entries()) {
      expect(one.read() === `MSG a ${i + 1} 6000\r\n${payload}\r\n`.repeat(4)).toBe(true)
    }
    stage.endTurn()
    expect(stage.pool.outstanding).toBe(0)
  })

  test('a page that is full goes out before the end of the turn', () => {
    const receivers = stage.receivers(2)
    const plan = planOf(receivers.map((one, i) => one.subscription('>', { sid: `${i + 1}` })))
    for (let bytes = 0; bytes < CHUNK_BYTES; bytes += 1_000)
      stage.send(plan, { subject: 'a', payloads: ['x'.repeat(1_000)] })
    expect(receivers[1].read().length).toBeGreaterThan(CHUNK_BYTES - 2_000)
  })

  test('what is queued for a receiver comes behind its batch, and ends it', () => {
    const receivers = stage.receivers(2)
    const plan = planOf(receivers.map((one, i) => one.subscription('>', { sid: `${i + 1}` })))
    stage.send(plan, MESSAGES)
    receivers[0].outbound.appendBuffer(Buffer.from('PONG\r\n'))
    stage.send(plan, MESSAGES)
    stage.endTurn()
    const message = 'MSG orders.1 1 5\r\nhello\r\n'
    expect(receivers[0].read()).toBe(`${message}PONG\r\n${message}`)
  })

  test('what its receivers have had is counted when it ends', () => {
    const [receiver, other] = stage.receivers(2)
    const plan = planOf([receiver.subscription('>'), receiver.subscription('a', { sid: '2' }), other.subscription('>')])
    expect(stage.send(plan, { subject: 'a', header: HEADER, payloads: ['12345', '67890'] })).toBe(6)
    stage.delivery.endFanOut()
    const bytes = HEADER.length + 5
    expect([receiver.outMessages, receiver.outBytes, other.outMessages, other.outBytes]).toEqual([
      4,
      4 * bytes,
      2,
      2 * bytes,
    ])
    expect([receiver.lastActivityMs, other.lastActivityMs]).toEqual([77, 77])
  })

  test('very many receivers are marked, and are not all written at once', () => {
    const receivers = stage.receivers(300)
    const plan = planOf(receivers.map((one, i) => one.subscription('>', { sid: `${1000 + i}` })))
    stage.send(plan, MESSAGES)
    stage.delivery.endTurn()
    expect(receivers[299].read()).toBe('')
    stage.outputs.flush()
    expect(receivers[299].read()).toBe('MSG orders.1 1299 5\r\nhello\r\n')
  })
})

describe('who is looked at one by one', () => {
  const MESSAGES = { subject: 'a', payloads: ['hello'] }
  const message = (sid: string): string => `MSG a ${sid} 5\r\nhello\r\n`

  test('one with more subscriptions than a page has places reads its own sids', () => {
    const subscriptionsEach = 5_000
    const receivers = stage.receivers(2)
    const sids = (one: number): string[] =>
      Array.from({ length: subscriptionsEach }, (_, i) => `${one + 1}${1_000 + i}`)
    const plan = planOf(receivers.flatMap((one, r) => sids(r).map((sid) => one.subscription('>', { sid }))))
    expect(stage.send(plan, MESSAGES)).toBe(2 * subscriptionsEach)
    stage.endTurn()
    for (const [r, one] of receivers.entries()) expect(one.read() === sids(r).map(message).join('')).toBe(true)
  })

  test('a publisher does not get its own messages where it does not want them, among receivers that do', () => {
    const [deaf, other] = [...stage.receivers(1, { echo: false }), ...stage.receivers(1)]
    const plan = planOf([deaf.subscription('>'), other.subscription('>', { sid: '2' })])
    expect(stage.send(plan, MESSAGES, new TestPublisher(deaf.id))).toBe(1)
    expect(stage.send(plan, MESSAGES)).toBe(2)
    stage.endTurn()
    expect([deaf.read(), other.read()]).toEqual([message('1'), message('2').repeat(2)])
  })

  test('for a publisher that does not get its own messages no page is begun', () => {
    const [deaf, other] = [...stage.receivers(1, { echo: false }), ...stage.receivers(1)]
    const plan = planOf([deaf.subscription('>'), other.subscription('>', { sid: '2' })])
    const publisher = new TestPublisher(deaf.id)
    stage.send(plan, MESSAGES, publisher)
    const { acquired } = stage.pool
    for (let i = 0; i < 20; i++) stage.send(plan, MESSAGES, publisher)
    expect(stage.pool.acquired).toBe(acquired)
    stage.endTurn()
    expect([deaf.read(), other.read()]).toEqual(['', message('2').repeat(21)])
  })

  test('what such a publisher sends behind others stays whole when the chunk that all share is full', () => {
    const [deaf, ...others] = [...stage.receivers(1, { echo: false }), ...stage.receivers(5)]
    const plan = planOf([deaf, ...others].map((one) => one.subscription('>')))
    let wanted = ''
    const publish = (bytes: number, publisher?: TestPublisher): void => {
      const messages = { subject: 'a', payloads: [String(wanted.length).padEnd(bytes, '.')] }
      stage.send(plan, messages, publisher)
      wanted += encoded(messages, '1', true)[0]
    }
    /** A page that is not written at once goes into the chunk. */
    const share = (bytes: number): void => {
      publish(bytes)
      stage.delivery.endFanOut()
    }
    for (let left = CHUNK_BYTES; left > 16_000; left -= 15_000) share(15_000)
    stage.endTurn()
    publish(5_000)
    publish(1_000, new TestPublisher(deaf.id))
    for (let bytes = 0; bytes < 2 * CHUNK_BYTES; bytes += 15_000) share(15_000)
    stage.endTurn()
    for (const one of others) expect(one.read() === wanted).toBe(true)
  })

  test('one that is closing or not listed any more gets nothing, and the others do', () => {
    const receivers = stage.receivers(3)
    const subscriptions = receivers.map((one) => one.subscription('>'))
    const plan = planOf(subscriptions)
    expect(stage.send(plan, MESSAGES)).toBe(3)
    stage.endTurn()
    receivers[0].closing = true
    subscriptions[1].node = 0
    expect(stage.send(plan, MESSAGES)).toBe(1)
    stage.endTurn()
    expect(receivers.map((one) => one.read())).toEqual([message('1'), message('1'), message('1').repeat(2)])
  })

  test('one that drops messages has them told apart', () => {
    const [dropping, other] = stage.receivers(2)
    dropping.outbound.setDropPolicy(new DropPolicy('drop_oldest', () => undefined))
    const plan = planOf([dropping.subscription('>'), other.subscription('>')])
    expect(stage.send(plan, MESSAGES)).toBe(2)
    stage.endTurn()
    expect([dropping.read(), other.read()]).toEqual([message('1'), message('1')])
  })

  test('who may answer is noted for each message', () => {
    const asked: string[] = []
    const rights = { mayAnswer: true, mayDeliver: () => true, delivered: (reply: string) => void asked.push(reply) }
    const plan = planOf([...stage.receivers(1, { rights }), ...stage.receivers(1)].map((one) => one.subscription('>')))
    stage.send(plan, { ...MESSAGES, reply: 'r.1' })
    stage.send(plan, { ...MESSAGES, reply: 'r.2' })
    expect(asked).toEqual(['r.1', 'r.2'])
  })

  test('a receiver that is behind holds each publisher of the batches that follow', () => {
    const receivers = stage.receivers(2)
    receivers[0].transport.isSlow = true
    const plan = planOf(receivers.map((one) => one.subscription('>')))
    const payload = 'x'.repeat(16_000)
    for (let bytes = 0; bytes <= HOLD_PENDING; bytes += 16_000) stage.send(plan, { subject: 'a', payloads: [payload] })
    stage.endTurn()
    const late = new TestPublisher()
    stage.send(plan, MESSAGES, late)
    expect(late.heldFor).toEqual([receivers[0].outbound])
  })

  test('a receiver with little room is not given more at once, and is cut when it takes nothing', () => {
    const [small, other] = [...stage.receivers(1, { pendingMax: 20_000 }), ...stage.receivers(1)]
    small.transport.isSlow = true
    const plan = planOf([small, other].map((one) => one.subscription('>')))
    for (let i = 0; i < 30; i++) stage.send(plan, { subject: 'a', payloads: ['x'.repeat(1_000)] })
    stage.endTurn()
    expect(small.closing).toBe(true)
    expect(other.read().length).toBe(30 * 'MSG a 1 1000\r\n\r\n'.length + 30_000)
  })
})
