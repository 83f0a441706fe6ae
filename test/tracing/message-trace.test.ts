// What is noted of one message on its ways.

import { beforeEach, describe, expect, test } from 'vitest'
import { Account, StreamImport } from '../../src/accounts/account.ts'
import type { Run } from '../../src/protocol/run.ts'
import type { Handler } from '../../src/routing/handler.ts'
import type { Plan } from '../../src/routing/plan.ts'
import { InternalSubscription } from '../../src/routing/subscription.ts'
import { compileTransform, type Transform } from '../../src/subjects/transform.ts'
import type { TraceEvent } from '../../src/tracing/event.ts'
import { MessageTrace, withoutTrace } from '../../src/tracing/message-trace.ts'
import { TestReceiver } from '../routing/parts.ts'
import { TracedClient, TraceStage, untimed } from './stage.ts'

let stage: TraceStage
let client: TracedClient
/** Those that other shards are to tell of. */
let asked: ((events: readonly TraceEvent[]) => void)[]
let done: number
beforeEach(() => {
  stage = new TraceStage()
  client = new TracedClient(stage.account)
  asked = []
  done = 0
})

function traceOf({ isOnlyTraced = false, account = '$G', isAsked = true } = {}): MessageTrace {
  const owner = {
    shard: stage,
    now: () => 'now',
    ask: (...[, , , callback]: [unknown, unknown, unknown, (events: readonly TraceEvent[]) => void]) => {
      asked.push(callback)
      return isAsked
    },
  }
  return new MessageTrace(owner, account, isOnlyTraced, () => done++)
}

/** Sends one message by a trace; answers what is noted and to how many it went. */
function send(subject: string, members: Parameters<typeof traceOf>[0] = {}, headers: Record<string, string> = {}) {
  const trace = traceOf(members)
  let sent = 0
  stage.compose(subject, headers, (run) =>
    stage.router.tracing(trace, () => {
      sent = stage.router.dispatch(run, stage.account, client)
    }),
  )
  trace.sent()
  return { trace, sent, events: untimed(trace.events) }
}

describe('receivers of this shard', () => {
  test('are noted one by one, and get the message', () => {
    const plain = stage.subscribe('a.*')
    const member = stage.subscribe('a.b', { queue: 'q' })
    const { events, sent } = send('a.b')
    expect([sent, done]).toEqual([2, 1])
    const egress = { type: 'eg', kind: 0, acc: undefined, name: undefined, error: undefined }
    expect(events).toEqual([
      { ...egress, cid: plain.receiver.id, sub: 'a.*', queue: undefined },
      { ...egress, cid: member.receiver.id, sub: 'a.b', queue: 'q' },
    ])
    expect([plain, member].map((one) => stage.got(one))).toEqual(Array(2).fill('MSG a.b 1 1\r\nx\r\n'))
  })

  test('get nothing of what is only traced, and are noted all the same', () => {
    const plain = stage.subscribe('a')
    expect(send('a', { isOnlyTraced: true })).toMatchObject({ sent: 1, events: [{ type: 'eg', sub: 'a' }] })
    expect([stage.got(plain), plain.receiver.outMessages]).toEqual(['', 0])
  })

  test('that do not get it are noted with the reason', () => {
    const silent = new TestReceiver(stage.outputs, { echo: false })
    client = Object.assign(new TracedClient(stage.account), { id: silent.id })
    stage.subscribe('a', { receiver: silent })
    const rights = { mayDeliver: () => false, mayAnswer: false, delivered: () => undefined }
    stage.subscribe('a', { receiver: new TestReceiver(stage.outputs, { rights }), filtered: true })
    const closing = stage.subscribe('a').receiver as TestReceiver
    closing.closing = true
    const ended = stage.subscribe('a')
    ended.max = ended.delivered = 3
    const { events, sent } = send('a')
    expect(sent).toBe(0)
    expect(events.map(({ error }) => error)).toEqual([
      'Not delivered because of no echo',
      'Not delivered because subscription denies this subject',
      'Not delivered because client is closed',
      'Not delivered because auto-unsubscribe exceeded',
    ])
  })

  test('of a queue group are tried until one takes it', () => {
    for (let i = 0; i < 3; i++) (stage.subscribe('a', { queue: 'q' }).receiver as TestReceiver).closing = true
    const one = stage.subscribe('a', { queue: 'q' })
    for (let i = 0; i < 20; i++) {
      const { events, sent } = send('a')
      expect(sent).toBe(1)
      expect(events.at(-1)).toMatchObject({ cid: one.receiver.id, error: undefined })
      expect(events.slice(0, -1).every(({ error }) => error !== undefined)).toBe(true)
    }
    expect(one.receiver.outMessages).toBe(20)
  })

  test('of another account are followed beyond its import only if that allows it', () => {
    const of = (name: string, allowTrace: boolean) => {
      const account = new Account(name)
      const inward = compileTransform('a', `${name}.a`) as Transform
      account.streamImports = [new StreamImport(stage.account, inward, allowTrace)]
      return stage.subscribe(`${name}.>`, { receiver: new TestReceiver(stage.outputs, { account }) })
    }
    const [open, shut] = [of('open', true), of('shut', false)]
    const { events, sent } = send('a')
    expect(sent).toBe(2)
    expect(events).toMatchObject([
      { type: 'se', acc: 'open', to: 'open.a' },
      { type: 'eg', acc: 'open', cid: open.receiver.id },
      { type: 'se', acc: 'shut', to: 'shut.a' },
    ])
    expect(events).toHaveLength(3)
    expect(stage.got(shut)).toBe('MSG shut.a 1 1\r\nx\r\n')
    send('a', { isOnlyTraced: true })
    expect(stage.got(shut)).toBe('')
  })
})

describe('the server itself', () => {
  const listen = (passesOn: boolean): (boolean | undefined)[] => {
    const isTraced: (boolean | undefined)[] = []
    const handle = (): void => void isTraced.push(stage.router.trace !== undefined)
    stage.sublist.insert(new InternalSubscription(stage.account, 'a', handle, passesOn))
    return isTraced
  }

  test('does what it does without a trace, unless it passes the message on', () => {
    const [apart, passed] = [listen(false), listen(true)]
    expect(send('a')).toMatchObject({ sent: 2, events: [] })
    expect([apart, passed]).toEqual([[false], [true]])
  })

  test('answers what it answers without a trace, and not what is only traced', () => {
    const taken: boolean[] = []
    const own: Handler = {
      take: (run) => {
        taken.push(stage.router.trace !== undefined)
        return run.count
      },
    }
    stage.extendPlan = (plan?: Plan): void => {
      if (plan !== undefined) plan.own = own
    }
    expect([send('$X').sent, send('$X', { isOnlyTraced: true }).sent, taken]).toEqual([1, 0, [false]])
  })
})

describe('other shards', () => {
  test('are waited for, and what they tell is added; an egress of its own account does not name it', () => {
    stage.addPeer().wants.add('$G', 'a', '')
    stage.addPeer().wants.add('$G', 'a', 'q')
    const { trace, sent } = send('a')
    expect([sent, asked.length, done]).toEqual([2, 2, 0])
    const far = { type: 'eg', ts: 'then', sub: 'a' } as const
    asked[1]([{ ...far, acc: '$G' }])
    expect(done).toBe(0)
    asked[0]([{ ...far, acc: 'other' }])
    expect(done).toBe(1)
    expect(trace.events.map(({ acc }) => acc)).toEqual([undefined, 'other'])
  })

  test('that cannot be asked are not waited for, and those without room hold the publisher', () => {
    const peer = stage.addPeer()
    peer.wants.add('$G', 'a', '')
    peer.congested = true
    send('a', { isAsked: false })
    expect([done, client.heldFor]).toEqual([1, [peer]])
  })

  test('have a queue message if nobody here takes it', () => {
    ;(stage.subscribe('a', { queue: 'q' }).receiver as TestReceiver).closing = true
    expect(send('a')).toMatchObject({ sent: 0 })
    stage.addPeer().wants.add('$G', 'a', 'q')
    for (let i = 0; i < 10; i++) expect(send('a').sent).toBe(1)
    expect(asked).toHaveLength(10)
  })
})

describe('an import of a service', () => {
  const imported = (allowTrace: boolean, isOnlyTraced = false) => {
    const exporter = new Account('exporter')
    const one = stage.subscribe('svc', { receiver: new TestReceiver(stage.outputs, { account: exporter }) })
    const trace = traceOf({ isOnlyTraced })
    let sent = 0
    stage.compose('svc', { 'Nats-Trace-Dest': 'd' }, (run) =>
      stage.router.tracing(trace, () => {
        sent = trace.dispatchImported(run, exporter, 'req', allowTrace, client)
      }),
    )
    return { sent, events: untimed(trace.events), got: stage.got(one) }
  }
  const IMPORT = { type: 'si', acc: 'exporter', from: 'req', to: 'svc' }

  test('is noted, and followed where its export allows it', () => {
    const { sent, events, got } = imported(true)
    expect([sent, events]).toMatchObject([1, [IMPORT, { type: 'eg', acc: 'exporter' }]])
    expect(got).toContain('Nats-Trace-Dest: d\r\n')
  })

  test('otherwise goes on without a trace, and says so in its headers; only traced, it does not', () => {
    const { sent, events, got } = imported(false)
    expect([sent, events]).toEqual([1, [IMPORT]])
    expect(got).toContain('Nats-Trace-Dest: trace disabled\r\n')
    expect(imported(false, true)).toMatchObject({ sent: 0, events: [IMPORT], got: '' })
  })
})

test('what happens before it is sent is noted as well: a mapping, and a refusal with what came in', () => {
  const trace = traceOf()
  trace.note({ type: 'in', cid: 1 })
  trace.mapped(Buffer.from('Å').toString('latin1'))
  trace.refused('no')
  expect(trace.events).toEqual([
    { type: 'in', ts: 'now', cid: 1, error: 'no' },
    { type: 'sm', ts: 'now', to: 'Å' },
  ])
})

test('a message without its trace is the same but for that', () => {
  stage.compose('a', { A: 'b', 'Nats-Trace-Dest': 'd' }, (run) => {
    run.isImported = true
    withoutTrace(stage, run, (silent: Run) => {
      const { block, first, size, isImported } = silent
      expect(block.bytes.toString('latin1', first, first + size)).toBe(
        'NATS/1.0\r\nA: b\r\nNats-Trace-Dest: trace disabled\r\n\r\nx',
      )
      expect(isImported).toBe(true)
    })
  })
  expect(stage.pool.outstanding).toBe(0)
})
