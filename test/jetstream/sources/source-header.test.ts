import { describe, expect, test } from 'vitest'
import { parseDelivery } from '../../../src/jetstream/sources/delivery.ts'
import { indexName, Origin, originName } from '../../../src/jetstream/sources/origin.ts'
import { readSourceHeader, sourceHeader } from '../../../src/jetstream/sources/source-header.ts'
import type { StreamSource } from '../../../src/jetstream/stream-config.ts'

const source = (more: Partial<StreamSource>): StreamSource => ({
  name: 'S',
  opt_start_seq: 0,
  opt_start_time: '',
  filter_subject: '',
  subject_transforms: [],
  external: undefined,
  consumer: undefined,
  ...more,
})

describe('the header that says where a message comes from', () => {
  test.each([
    [source({}), 'S 7 > > a.b id'],
    [source({ filter_subject: 'a.*' }), 'S 7 a.* > a.b id'],
    [
      source({
        subject_transforms: [
          { src: 'a.*', dest: 'b.$1' },
          { src: '', dest: '' },
        ],
      }),
      'S 7 a.*\f> b.$1\f> a.b id',
    ],
  ])('has all parts: %j', (config, text) => {
    const value = sourceHeader(indexName(config), 7, 'a.b', 'id')
    expect(value).toBe(text)
    expect(readSourceHeader(value)).toEqual({ origin: 'S', index: indexName(config), seq: 7, identity: 'id' })
  })

  test('tells an origin elsewhere from one here, by the hashes that nats-server makes', () => {
    const external = { api: '$JS.hub.API', deliver: '' }
    expect(originName(source({ external }))).toMatch(/^S:\w{8}$/)
    const consumer = { name: 'C', deliver_subject: 'x' }
    expect(originName(source({ external, consumer }))).toMatch(/^S:\w{8}:C=\w{8}$/)
  })

  test('may be that of an older server', () => {
    expect(readSourceHeader('S 12')).toEqual({ origin: 'S', index: '', seq: 12, identity: '' })
    const acknowledged = '$JS.ACK.S.C.1.34.5.1700000000000000000.6'
    expect(readSourceHeader(acknowledged)).toEqual({ origin: 'S', index: '', seq: 34, identity: '' })
    expect(readSourceHeader('S 12 > > x')).toEqual({ origin: 'S', index: 'S > >', seq: 12, identity: '' })
  })

  test.each(['', 'S', 'S x', 'S 0', 'S -1', 'S 1.5', 'S 1 >', 'S 99999999999999999999 > > x', '$JS.ACK.S.C.1.x.5.1.6'])(
    'may make no sense: %j',
    (value) => expect(readSourceHeader(value)).toBeUndefined(),
  )
})

describe('the reply subject of a delivery', () => {
  const delivery = { stream: 'S', consumer: 'C', deliveries: 1, seq: 2, delivery: 3, timeUs: 4, pending: 5 }

  test('has one of two forms', () => {
    expect(parseDelivery('$JS.ACK.S.C.1.2.3.4000.5')).toEqual(delivery)
    expect(parseDelivery('$JS.ACK.hub.hash.S.C.1.2.3.4000.5.token')).toEqual(delivery)
    // As nats-server 2.15 hands it out.
    expect(parseDelivery('$JS.ACK._.hash.S.C.1.2.3.4000.5')).toEqual(delivery)
  })

  test.each([
    '',
    'reply',
    '$JS.ACK.S.C.1.2.3.4000',
    '$JS.ACK.S.C.1.2.3.4000.x',
    '$JS.ACK.S.C.1.0.3.4000.5',
    '$JS.ACK.S.C.1.-2.3.4000.5',
  ])('may be none: %j', (reply) => expect(parseDelivery(reply)).toBeUndefined())
})

describe('an origin', () => {
  test('is asked under the prefix of its API, and delivers under the other', () => {
    const far = new Origin(source({ external: { api: '$JS.hub.API.', deliver: 'from.hub' } }))
    expect(far.apiSubject('CONSUMER.CREATE.S')).toBe('$JS.hub.API.CONSUMER.CREATE.S')
    expect(far.deliverSubject('S')).toMatch(/^from\.hub\.S\.\w{8}$/)
    const near = new Origin(source({}))
    expect(near.apiSubject('CONSUMER.CREATE.S')).toBe('$JS.API.CONSUMER.CREATE.S')
    expect(near.deliverSubject('M')).toMatch(/^\$JS\.M\.\w{8}$/)
  })

  test('has its subjects changed by the first transform that matches', () => {
    const transforms = [
      { src: 'a.*', dest: 'x.$1' },
      { src: 'b', dest: '' },
    ]
    const origin = new Origin(source({ subject_transforms: transforms }))
    expect(origin.filters).toEqual({ filter_subjects: ['a.*', 'b'] })
    expect(['a.1', 'b', 'c'].map((subject) => origin.transformed(subject))).toEqual(['x.1', 'b', 'c'])
  })
})
