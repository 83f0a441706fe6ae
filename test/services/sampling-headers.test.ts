import { expect, it } from 'vitest'
import { samplingHeaders } from '../../src/services/sampling-headers.ts'

const block = (...lines: string[]): Buffer => Buffer.from(['NATS/1.0', ...lines, '', ''].join('\r\n'))

it('the first kind of tracing that is there decides', () => {
  expect(samplingHeaders(block())).toBeUndefined()
  expect(samplingHeaders(block('Uber-Trace-Id: a:b:c:0', 'X-B3-Sampled: 1'))).toBeUndefined()
  expect(samplingHeaders(block('B3: 0', 'Traceparent: 00-a-b-01'))).toBeUndefined()
  expect(samplingHeaders(block('X-B3-Sampled: d', 'B3: 1'))).toEqual({ B3: ['1'] })
})

it('values are given as they came, all of a name, without those of other kinds', () => {
  expect(samplingHeaders(block('uberctx-x: 1', 'UBERCTX-X: 2', 'uber-trace-id: a:b:c:01', 'other: 3'))).toEqual({
    'Uberctx-X': ['1', '2'],
    'Uber-Trace-Id': ['a:b:c:01'],
  })
})

it('lines that are no headers are passed over', () => {
  expect(samplingHeaders(block(': x', 'nothing', 'b3:'))).toEqual({ B3: [''] })
  expect(samplingHeaders(Buffer.alloc(0))).toBeUndefined()
})
