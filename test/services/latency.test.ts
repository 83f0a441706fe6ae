// What is measured of a request, and what is told of it in the exporter's account.

import { beforeEach, describe, expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import type { Trace } from '../../src/routing/trace.ts'
import { isSampled, LatencySample } from '../../src/services/latency.ts'
import { runOf } from '../routing/parts.ts'
import { type Heard, importOf, ServiceStage } from './stage.ts'

const latency = { sampling: 100, subject: 'told' }
const ASKER = JSON.stringify({ name: 'asker', rtt: 3_000_000 })
const RESPONDER = JSON.stringify({ name: 'responder', rtt: 1_000_000_000 })

let stage: ServiceStage
let told: Heard[]
let exporter: Account
beforeEach(() => {
  stage = new ServiceStage()
  exporter = new Account('exporter')
  told = stage.listen(exporter, 'told')
})

const sample = (requestor = '', headers?: Record<string, string[]>): LatencySample =>
  new LatencySample(stage, importOf(new Account('importer'), exporter, { latency }), requestor, { headers })

/** The events that were told, without what differs each time. */
const events = () => told.map(({ payload }) => JSON.parse(payload) as Record<string, unknown> & { start: string })

describe('a request that fails', () => {
  test.each([
    ['badRequest', 400, 'Bad Request'],
    ['nobody', 503, 'Service Unavailable'],
    ['timeout', 504, 'Service Timeout'],
  ] as const)('as %s is told with its status, and took no time', (why, status, description) => {
    sample().failed(why)
    expect(events()).toMatchObject([
      {
        type: 'io.nats.server.metric.v1.service_latency',
        id: expect.stringMatching(/^\w{22}$/),
        status,
        description,
        service: 0,
        system: 0,
        total: 0,
      },
    ])
    expect(events()[0]).not.toHaveProperty('requestor')
    expect(stage.scheduled).toBe(1)
  })
})

describe('a request that is answered', () => {
  test('is told with both ends, and when it left the one that asked', () => {
    const before = Date.now()
    const one = sample(ASKER, { 'Uber-Trace-Id': ['1:2:3:1'] })
    one.answered()(RESPONDER)
    const [event] = events()
    expect(event).toMatchObject({
      status: 200,
      requestor: { name: 'asker' },
      responder: { name: 'responder' },
      header: { 'Uber-Trace-Id': ['1:2:3:1'] },
    })
    // A responder that is quicker than its round trip time says took no time.
    expect(event['service']).toBe(0)
    expect(Date.parse(event.start)).toBeGreaterThanOrEqual(before - 4)
    expect(Date.parse(event.start)).toBeLessThanOrEqual(Date.now() - 3)
    expect(event['total']).toBeGreaterThanOrEqual(3_000_000)
  })

  test('by one that has gone meanwhile is told without it', () => {
    sample().answered()('')
    const [event] = events()
    expect([event['status'], event['system'], 'responder' in event, 'requestor' in event]).toEqual([
      200,
      0,
      false,
      false,
    ])
    expect(event['total']).toBe(event['service'])
  })

  test('names in any language are told as they are', () => {
    sample(Buffer.from(JSON.stringify({ name: 'Åsa 日本' })).toString('latin1')).failed('timeout')
    const [{ payload }] = told
    expect(Buffer.from(payload, 'latin1').toString()).toContain('Åsa 日本')
  })
})

test('what is told is no part of a message that is traced', () => {
  let dispatched = 0
  const trace = { dispatch: () => ++dispatched } as Partial<Trace> as Trace
  stage.router.tracing(trace, () => sample().failed('nobody'))
  expect([dispatched, told.length, stage.router.trace]).toEqual([0, 1, undefined])
})

describe('whether one is measured', () => {
  const HEADER = 'NATS/1.0\r\nUber-Trace-Id: 1:2:3:1\r\n\r\n'
  const plain = runOf({ subject: 'a', payloads: ['x'] })
  const asking = runOf({ subject: 'a', header: HEADER, payloads: ['x', 'y'] })

  test('always, never, or as often as said', () => {
    const count = (sampling: number): number =>
      Array.from({ length: 1_000 }).filter(() => isSampled({ sampling, subject: 's' }, plain, 0) !== undefined).length
    expect([count(0), count(100)]).toEqual([0, 1_000])
    // Nine standard deviations on each side.
    expect(count(50)).toBeGreaterThan(350)
    expect(count(50)).toBeLessThan(650)
  })

  test('otherwise if its headers ask for it, which are told then', () => {
    const never = { sampling: 0, subject: 's' }
    expect(isSampled(never, asking, 1)).toEqual({ headers: { 'Uber-Trace-Id': ['1:2:3:1'] } })
    expect(isSampled({ ...never, sampling: 100 }, asking, 0)).toEqual({ headers: undefined })
    const silent = runOf({ subject: 'a', header: HEADER.replace(':1\r', ':0\r'), payloads: ['x'] })
    expect(isSampled(never, silent, 0)).toBeUndefined()
  })
})
