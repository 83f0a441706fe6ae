// Who is traced, what other shards tell, and where it is published.

import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { TRACES_AWAITED_MAX } from '../../src/base/constants.ts'
import type { Run } from '../../src/protocol/run.ts'
import type { Routing } from '../../src/routing/routing.ts'
import type { TraceEvent } from '../../src/tracing/event.ts'
import { Tracing } from '../../src/tracing/tracing.ts'
import { PLAIN, payloadsOf, runOf } from '../routing/parts.ts'
import type { Heard } from '../services/stage.ts'
import { TracedClient, TraceStage, untimed } from './stage.ts'

const EGRESS: TraceEvent = { type: 'eg', ts: 'then', cid: 99 }

let stage: TraceStage
let tracing: Tracing
let client: TracedClient
let documents: Heard[]
beforeEach(() => {
  stage = new TraceStage()
  tracing = new Tracing(stage)
  client = new TracedClient(stage.account)
  documents = stage.listen(stage.account, 'dest')
})

/** What is processed of a message with these headers, with the header that it has then. */
function publish(headers: Record<string, string>, subject = 'a'): string[] {
  const processed: string[] = []
  stage.compose(subject, headers, (run) =>
    tracing.publish(run, client, (one: Run) => {
      processed.push(one.block.bytes.toString('latin1', one.first, one.first + one.headerSize))
      stage.router.dispatch(one, stage.account, client)
    }),
  )
  return processed
}

interface Document {
  readonly server: object
  readonly request: object
  readonly events: readonly TraceEvent[]
}
const documentIn = ({ payload }: Heard): Document => JSON.parse(payload) as Document

describe('a message that asks for a trace', () => {
  test('is processed as any, and its document is published, unseen by any trace', () => {
    const one = stage.subscribe('a')
    expect(publish({ 'Nats-Trace-Dest': 'dest', A: 'b' })).toHaveLength(1)
    expect(stage.got(one)).toContain('Nats-Trace-Dest: dest')
    const [{ server, request, events }] = documents.map(documentIn)
    expect(server).toMatchObject({ id: 'N', seq: 1, tags: ['tag'] })
    expect(request).toMatchObject({ header: { A: ['b'], 'Nats-Trace-Dest': ['dest'] }, msgsize: expect.any(Number) })
    expect(untimed(events)).toEqual([
      { type: 'in', kind: 0, cid: client.id, name: 'tester', acc: '$G', subj: 'a' },
      { type: 'eg', kind: 0, cid: one.receiver.id, sub: 'a' },
    ])
    expect([stage.router.trace, stage.scheduled]).toEqual([undefined, 1])
  })

  test('has its document compressed if it accepts that', () => {
    publish({ 'Nats-Trace-Dest': 'dest', 'Accept-Encoding': 'br, gzip' })
    const [{ header, payload }] = documents
    expect(header).toContain('Content-Encoding: gzip')
    const document = JSON.parse(gunzipSync(Buffer.from(payload, 'latin1')).toString()) as Document
    expect(document.events).toMatchObject([{ type: 'in' }])
  })

  test('in a run is dealt with one by one, until the client is closed', () => {
    const header = 'NATS/1.0\r\nNats-Trace-Dest: dest\r\n\r\n'
    const run = runOf({ subject: 'a', header, payloads: ['1', '2', '3'] })
    const { first } = run
    expect(tracing.mayConcern(run, stage.account)).toBe(true)
    const processed: string[] = []
    tracing.publish(run, client, (one) => {
      processed.push(...payloadsOf(one))
      client.closing = processed.length === 2
    })
    expect([processed, documents.length]).toEqual([['1', '2'], 2])
    expect([run.first, run.count]).toEqual([first, 3])
  })

  test('by its traceparent goes to the destination of its account, as often as that says', () => {
    const headers = { traceparent: '00-a-b-01' }
    const countOf = (sampling: number | undefined): number => {
      stage.account.trace = sampling === undefined ? undefined : { destination: 'dest', sampling }
      documents.length = 0
      for (let i = 0; i < 100; i++) expect(publish(headers)).toHaveLength(1)
      return documents.length
    }
    expect([countOf(undefined), countOf(100), countOf(0)]).toEqual([0, 100, 0])
    // Not chosen, it is not to be traced further on either.
    expect(publish(headers)[0]).toContain('Nats-Trace-Dest: trace disabled')
    expect(countOf(50)).toBeGreaterThan(5)
  })
})

describe('no trace', () => {
  test('is made of what does not ask for one', () => {
    expect(publish({ A: 'b' })).toEqual(['NATS/1.0\r\nA: b\r\n\r\n'])
    stage.compose('a', { A: 'b' }, (run) => expect(tracing.mayConcern(run, stage.account)).toBe(false))
    expect(documents).toEqual([])
  })

  test('is made for older servers: the message goes on without one, unless it was only to be traced', () => {
    const headers = { 'Nats-Trace-Dest': 'dest', 'Nats-Trace-Origin-Account': 'A' }
    expect(publish(headers)[0]).toContain('Nats-Trace-Dest: trace disabled')
    expect(publish({ ...headers, 'Nats-Trace-Only': '1' })).toEqual([])
    expect(documents).toEqual([])
  })

  test('goes to what is no subject: the log says so, and the message goes on, unless it was only to be traced', () => {
    for (const destination of ['a.*', 'a..b', '>']) {
      expect(publish({ 'Nats-Trace-Dest': destination })).toHaveLength(1)
      expect(publish({ 'Nats-Trace-Dest': destination, 'Nats-Trace-Only': 'true' })).toEqual([])
    }
    expect(client.violations).toHaveLength(6)
    expect(client.violations[0]).toBe('Destination "a.*" is not valid, won\'t be able to trace events')
  })

  test('goes where its publisher may not publish, nor among the server’s own: then the message is refused', () => {
    client.rights = { mayPublish: (subject) => subject !== 'dest' }
    const REFUSED = ['dest', '_GR_.x', '$NRG.x']
    for (const destination of REFUSED) expect(publish({ 'Nats-Trace-Dest': destination })).toEqual([])
    expect(client.refusals).toHaveLength(REFUSED.length)
    for (let k = 0; k < REFUSED.length; k++) expect(client.refusals[k]).toContain(`"${REFUSED[k]}"`)
    expect(documents).toEqual([])
    client.rights = { mayPublish: () => true }
    expect(publish({ 'Nats-Trace-Dest': 'dest' })).toHaveLength(1)
  })
})

describe('other shards', () => {
  const ask = (peer = stage.peers[0]): (readonly TraceEvent[])[] => {
    const told: (readonly TraceEvent[])[] = []
    const run = runOf({ subject: 'a', payloads: ['x'] })
    expect(tracing.ask(peer, run, PLAIN, (events) => told.push(events))).toBe(true)
    return told
  }

  test('are sent the number under which they are to tell, and what they tell arrives once', () => {
    const peer = stage.addPeer()
    const [first, second] = [ask(), ask()]
    const [one, other] = peer.sent.map(({ routing }) => routing.trace)
    expect(one).not.toBe(other)
    tracing.answered(other, [EGRESS])
    tracing.answered(other, [EGRESS])
    tracing.answered(-1, [EGRESS])
    expect([first, second]).toEqual([[], [[EGRESS]]])
    tracing.forget(peer)
  })

  test('that have gone tell nothing more, and are waited for no longer', () => {
    const [peer, other] = [stage.addPeer(), stage.addPeer()]
    const [gone, left] = [ask(peer), ask(other)]
    tracing.forget(peer)
    expect([gone, left]).toEqual([[[]], []])
    tracing.forget(other)
    expect(left).toEqual([[]])
  })

  test('are asked no more while very many are awaited, but get the messages', () => {
    const peer = stage.addPeer()
    for (let i = 0; i < TRACES_AWAITED_MAX; i++) ask()
    const run = runOf({ subject: 'a', payloads: ['x'] })
    const never = (): never => expect.fail('it was not asked')
    expect(tracing.ask(peer, run, PLAIN, never)).toBe(false)
    expect(peer.sent.at(-1)?.routing.trace).toBeLessThan(0)
    expect(peer.sent).toHaveLength(TRACES_AWAITED_MAX + 1)
    tracing.forget(peer)
    ask()
    tracing.forget(peer)
  })

  test('are told what happened here to theirs, an egress with its account', () => {
    const peer = stage.addPeer()
    const [plain, member] = [stage.subscribe('a'), stage.subscribe('a', { queue: 'q' })]
    const receive = (routing: Partial<Routing>): void =>
      tracing.receive(runOf({ subject: 'a', payloads: ['x'] }), stage.account, { ...PLAIN, trace: 7, ...routing }, peer)
    receive({})
    receive({ plain: false, queue: 'q', trace: 8 })
    receive({ isOnlyTraced: true, trace: 9 })
    expect(peer.told.map(([number, events]) => [number, untimed(events)])).toMatchObject([
      [7, [{ type: 'eg', acc: '$G', cid: plain.receiver.id }]],
      [8, [{ type: 'eg', acc: '$G', cid: member.receiver.id, queue: 'q' }]],
      [9, [{ type: 'eg', cid: plain.receiver.id }]],
    ])
    expect([plain, member].map(({ receiver }) => receiver.outMessages)).toEqual([1, 1])
  })

  test('have a queue message back that nobody here takes, without its trace, unless it is only traced', () => {
    const peer = stage.addPeer()
    peer.wants.add('$G', 'a', 'q')
    for (const isOnlyTraced of [true, false]) {
      const routing = { ...PLAIN, trace: 7, plain: false, queue: 'q', isOnlyTraced }
      tracing.receive(runOf({ subject: 'a', payloads: ['x'] }), stage.account, routing, peer)
    }
    expect(peer.told).toEqual([
      [7, []],
      [7, []],
    ])
    expect(peer.sent).toMatchObject([{ routing: { queue: 'q', trace: 0, hops: 1 } }])
  })
})
