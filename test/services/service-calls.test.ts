// Requests into other accounts and back, over a real router.

import { beforeEach, describe, expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { compileMapping, type Mapping, Mappings } from '../../src/accounts/mapping.ts'
import type { Run } from '../../src/protocol/run.ts'
import { ServiceCalls } from '../../src/services/service-calls.ts'
import { payloadsOf, runOf, TestPublisher } from '../routing/parts.ts'
import { type Heard, importOf, ServiceStage } from './stage.ts'

const RETURN = /^_R_\.[\w-]{8}\.\w+$/
/** Where nothing else is said. */
const THRESHOLD_MS = 120_000

/** Tells of itself as much as it is asked to. */
class KnownPublisher extends TestPublisher {
  override requestInfo(share = false, service = ''): string {
    return JSON.stringify({ share, service })
  }
}

let stage: ServiceStage
let calls: ServiceCalls
let importer: Account
let exporter: Account
let inbox: Heard[]
beforeEach(() => {
  stage = new ServiceStage()
  calls = new ServiceCalls(stage)
  stage.serviceCalls = calls
  stage.apart = (work) => calls.apart(work)
  importer = new Account('importer')
  exporter = new Account('exporter')
  inbox = stage.listen(importer, '_INBOX.*')
})

const ask = (subject: string, payload = 'ask', reply = '_INBOX.1'): number =>
  stage.publish(importer, subject, payload, { reply })

describe('a request', () => {
  test('comes under the exporter’s subject, with a return address of its own; its answer comes back', () => {
    importOf(importer, exporter)
    const heard = stage.listen(exporter, 'svc.*')
    expect([ask('req.a'), ask('req.b')]).toEqual([1, 1])
    expect(heard).toMatchObject([
      { subject: 'svc.a', payload: 'ask', header: '' },
      { subject: 'svc.b', payload: 'ask' },
    ])
    const [first, second] = heard.map(({ reply }) => reply)
    expect([RETURN.test(first), first === second]).toEqual([true, false])
    stage.publish(exporter, second, 'answer b', { headers: { A: 'b' } })
    stage.publish(exporter, first, 'answer a')
    expect(inbox).toMatchObject([
      { subject: '_INBOX.1', payload: 'answer b', header: 'NATS/1.0\r\nA: b\r\n\r\n', reply: '' },
      { payload: 'answer a' },
    ])
    expect(stage.pool.outstanding).toBe(0)
  })

  test('in a run of several is as many requests, each with an answer of its own', () => {
    const service = importOf(importer, exporter)
    const heard = stage.listen(exporter, 'svc.*', ({ payload }) => `to ${payload}`)
    const run = runOf({ subject: 'req.a', reply: '_INBOX.9', payloads: ['1', '2', '3'] })
    expect(calls.call(service, run, stage.publisher)).toBe(3)
    expect(new Set(heard.map(({ reply }) => reply)).size).toBe(3)
    expect(inbox.map(({ payload }) => payload)).toEqual(['to 1', 'to 2', 'to 3'])
  })

  test('without a reply subject has no return address; one that nobody takes counts for nothing', () => {
    importOf(importer, exporter)
    expect(ask('req.a')).toBe(0)
    const heard = stage.listen(exporter, 'svc.*')
    expect([ask('req.a', 'ask', ''), heard[0].reply]).toEqual([1, ''])
    expect(stage.publish(exporter, 'svc.b', 'x')).toBe(1)
    expect(ask('other.a')).toBe(0)
  })

  test('meets the mappings of the account that it comes to, and its answer those of the one that asked', () => {
    importOf(importer, exporter)
    const to = (source: string, subject: string): Mappings =>
      new Mappings([compileMapping({ source, destinations: [{ subject, weight: 100, cluster: '' }] }) as Mapping])
    exporter.mappings = to('svc.a', 'svc.v2')
    importer.mappings = to('_INBOX.1', '_INBOX.2')
    const heard = stage.listen(exporter, 'svc.*', () => 'answer')
    ask('req.a')
    expect([heard[0].subject, inbox[0].subject]).toEqual(['svc.v2', '_INBOX.2'])
  })

  test('says who asks as far as the first import on its way shares that', () => {
    const middle = new Account('middle')
    importOf(importer, middle, { share: true })
    importOf(middle, exporter, { here: 'svc.*', there: 'deep.*' })
    const heard = stage.listen(exporter, 'deep.*')
    stage.publish(importer, 'req.a', 'x', { as: new KnownPublisher() })
    stage.publish(middle, 'svc.a', 'x', { as: new KnownPublisher() })
    const infos = heard.map(
      ({ header }) => JSON.parse(/Nats-Request-Info: (.*)\r\n/.exec(header)?.[1] ?? '') as unknown,
    )
    expect(infos).toEqual([
      { share: true, service: 'middle' },
      { share: false, service: '' },
    ])
  })

  test('goes no way twice: two accounts that import from each other do not call for ever', () => {
    importOf(importer, exporter, { here: 'a', there: 'b' })
    importOf(exporter, importer, { here: 'b', there: 'a' })
    const heard = stage.listen(importer, 'a')
    expect(ask('a')).toBeGreaterThan(0)
    expect(heard.length).toBe(2)
    ask('a')
    expect(heard.length).toBe(4)
  })

  test('a bug on its way leaves the way free for the next', () => {
    importOf(importer, exporter)
    let isBuggy = true
    stage.listen(exporter, 'svc.*', () => {
      if (isBuggy) throw new Error('a bug')
      return 'answer'
    })
    expect(() => ask('req.a')).toThrow('a bug')
    expect(stage.pool.outstanding).toBe(0)
    isBuggy = false
    ask('req.a')
    expect(inbox).toMatchObject([{ payload: 'answer' }])
  })

  test('apart from the message at hand has come no way yet', () => {
    importOf(importer, exporter)
    const heard: string[] = []
    stage.listen(exporter, 'svc.*', () => {
      expect(ask('req.b', 'within')).toBe(0)
      calls.apart(() => {
        if (heard.push('apart') === 1) expect(ask('req.b', 'apart')).toBe(1)
      })
      return 'answer'
    })
    ask('req.a')
    expect([heard.length, inbox.length]).toEqual([2, 2])
  })
})

describe('answers', () => {
  const answersOf = (response: 'singleton' | 'stream', ...payloads: string[]): string[] => {
    importOf(importer, exporter, { response })
    const [{ reply }] = [...stage.listen(exporter, 'svc.*'), ...heardOf(() => ask('req.a'))]
    for (const payload of payloads) stage.publish(exporter, reply, payload)
    return inbox.map(({ payload }) => payload)
  }
  /** What comes to the service as `act` happens. */
  const heardOf = (act: () => void): Heard[] => {
    const heard = stage.listen(exporter, 'svc.*')
    act()
    return heard
  }

  test('of a single one the first counts, and no other', () => {
    expect(answersOf('singleton', 'one', 'two')).toEqual(['one'])
  })

  test('of a stream all count, until an empty one ends it', () => {
    expect(answersOf('stream', 'one', 'two', '', 'three')).toEqual(['one', 'two', ''])
  })

  test('in a run come back in one, and of a single one the first of it', () => {
    for (const response of ['stream', 'singleton'] as const) {
      const [asker, responder] = [new Account('asker'), new Account('responder')]
      importOf(asker, responder, { response })
      const back: string[][] = []
      const heard = stage.listen(responder, 'svc.*')
      const answers = stage.listen(asker, '_INBOX.*')
      stage.publish(asker, 'req.a', 'x', { reply: '_INBOX.1' })
      const run: Run = runOf({ subject: heard[0].reply, payloads: ['1', '2', '3'] })
      stage.router.dispatch(run, responder, stage.publisher)
      back.push(answers.map(({ payload }) => payload))
      expect(back).toEqual([response === 'stream' ? payloadsOf(run) : ['1']])
    }
  })

  test('that can be answered are requests the other way, as often as both like', () => {
    importOf(importer, exporter, { response: 'stream' })
    const heard = stage.listen(exporter, 'svc.*')
    const back = stage.listen(exporter, '_INBOX.*')
    ask('req.a')
    stage.publish(exporter, heard[0].reply, 'what?', { reply: '_INBOX.back' })
    expect(inbox).toMatchObject([{ payload: 'what?', reply: expect.stringMatching(RETURN) }])
    stage.publish(importer, inbox[0].reply, 'that', { reply: '_INBOX.again' })
    expect(back).toMatchObject([{ subject: '_INBOX.back', payload: 'that', reply: expect.stringMatching(RETURN) }])
    stage.publish(exporter, back[0].reply, 'thanks')
  })

  test('that can be answered have an address each, in a run as well', () => {
    importOf(importer, exporter, { response: 'stream' })
    const heard = stage.listen(exporter, 'svc.*')
    ask('req.a')
    const run = runOf({ subject: heard[0].reply, reply: '_INBOX.back', payloads: ['1', '2'] })
    stage.router.dispatch(run, exporter, stage.publisher)
    expect(inbox.map(({ payload }) => payload)).toEqual(['1', '2'])
    expect(new Set(inbox.map(({ reply }) => reply)).size).toBe(2)
  })

  test('from an account that was not asked, or to a made-up address, are nobody’s', () => {
    importOf(importer, exporter)
    const heard = stage.listen(exporter, 'svc.*')
    ask('req.a')
    stage.publish(new Account('stranger'), heard[0].reply, 'x')
    stage.publish(exporter, heard[0].reply.replace(/\w+$/, 'zzz'), 'x')
    expect(inbox).toEqual([])
  })

  test('are heard when the index has room again', () => {
    importOf(importer, exporter)
    const heard = stage.listen(exporter, 'svc.*')
    stage.sublist.isFull = true
    ask('req.a')
    stage.publish(exporter, heard[0].reply, 'lost')
    stage.sublist.isFull = false
    ask('req.b')
    stage.publish(exporter, heard[1].reply, 'heard')
    expect(inbox.map(({ payload }) => payload)).toEqual(['heard'])
  })
})

describe('who is not answered in time', () => {
  test.each([
    [0, THRESHOLD_MS],
    [500, 500],
  ])('is forgotten (threshold %i), and not before', (threshold, ms) => {
    importOf(importer, exporter, { threshold })
    const heard = stage.listen(exporter, 'svc.*')
    ask('req.a')
    ask('req.b')
    stage.nowMs += ms
    calls.sweep()
    stage.publish(exporter, heard[0].reply, 'in time')
    stage.nowMs += 1
    calls.sweep()
    stage.publish(exporter, heard[1].reply, 'late')
    expect(inbox.map(({ payload }) => payload)).toEqual(['in time'])
  })

  test('has as much time again for each answer of a stream', () => {
    importOf(importer, exporter, { threshold: 100, response: 'stream' })
    const heard = stage.listen(exporter, 'svc.*')
    ask('req.a')
    for (let i = 0; i < 5; i++) {
      stage.nowMs += 90
      calls.sweep()
      stage.publish(exporter, heard[0].reply, `${i}`)
    }
    stage.nowMs += 101
    calls.sweep()
    stage.publish(exporter, heard[0].reply, 'late')
    expect(inbox.map(({ payload }) => payload)).toEqual(['0', '1', '2', '3', '4'])
  })

  test('is looked for in several turns where there are very many', async () => {
    importOf(importer, exporter, { threshold: 100 })
    const heard = stage.listen(exporter, 'svc.*')
    for (let i = 0; i < 2_000; i++) ask('req.a')
    stage.nowMs += 101
    calls.sweep()
    calls.sweep()
    const late = heard[1_999].reply
    stage.publish(exporter, late, 'before its turn')
    expect(inbox).toHaveLength(1)
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    for (const { reply } of heard) stage.publish(exporter, reply, 'late')
    expect([inbox.length, stage.bugs]).toEqual([1, []])
  })
})
