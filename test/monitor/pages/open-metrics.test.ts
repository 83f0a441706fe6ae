import { describe, expect, it } from 'vitest'
import { expose, type Family, prefersOpenMetrics } from '../../../src/monitor/pages/open-metrics.ts'
import { parseMetrics } from '../open-metrics-parser.ts'

const FAMILIES: Family[] = [
  { kind: 'info', name: 'thing', help: 'What it is.', labels: { version: '1' } },
  { kind: 'gauge', name: 'thing_used_bytes', help: 'A \\ and\na line.', points: [{ labels: {}, value: 0.1 }] },
  {
    kind: 'counter',
    name: 'thing_messages',
    help: 'Says "so".',
    points: [
      { labels: { name: 'a "b" \\ c\nd{},é', shard: 1 }, value: 1e21 },
      { labels: { name: '', shard: 2 }, value: 5e-7 },
    ],
  },
  { kind: 'gauge', name: 'nothing', help: 'None.', points: [] },
  {
    kind: 'histogram',
    name: 'thing_seconds',
    help: 'Time.',
    bounds: [0.000_01, 1],
    points: [{ labels: { shard: 0 }, buckets: [1, 0, 2], sum: 9.5 }],
  },
]

describe('expose', () => {
  it('writes OpenMetrics that a strict parser reads', () => {
    const families = parseMetrics(expose(FAMILIES, true), true)
    expect([...families.values()].map(({ name, kind, unit }) => [name, kind, unit])).toEqual([
      ['thing', 'info', ''],
      ['thing_used_bytes', 'gauge', 'bytes'],
      ['thing_messages', 'counter', ''],
      ['nothing', 'gauge', ''],
      ['thing_seconds', 'histogram', 'seconds'],
    ])
    const [first, second] = families.get('thing_messages')?.samples ?? []
    expect([first.labels.get('name'), first.labels.get('shard'), first.value]).toEqual(['a "b" \\ c\nd{},é', '1', 1e21])
    expect([second.name, second.value]).toEqual(['thing_messages_total', 5e-7])
    const buckets = families
      .get('thing_seconds')
      ?.samples.map(({ name, labels, value }) => [name, labels.get('le'), value])
    expect(buckets).toEqual([
      ['thing_seconds_bucket', '0.00001', 1],
      ['thing_seconds_bucket', '1', 1],
      ['thing_seconds_bucket', '+Inf', 3],
      ['thing_seconds_sum', undefined, 9.5],
      ['thing_seconds_count', undefined, 3],
    ])
  })

  it('writes the older format', () => {
    const families = parseMetrics(expose(FAMILIES, false), false)
    expect([...families.keys()]).toEqual([
      'thing_info',
      'thing_used_bytes',
      'thing_messages_total',
      'nothing',
      'thing_seconds',
    ])
    expect(families.get('thing_info')?.kind).toBe('gauge')
  })
})

describe('the parser refuses', () => {
  it.each([
    ['no end', '# TYPE a gauge\na 1\n'],
    ['an unended line', '# TYPE a gauge\na 1\n# EOF'],
    ['a bare sample', 'a 1\n# EOF\n'],
    ['a family twice', '# TYPE a gauge\n# TYPE a gauge\n# EOF\n'],
    ['a counter without _total', '# TYPE a counter\na 1\n# EOF\n'],
    ['a negative counter', '# TYPE a counter\na_total -1\n# EOF\n'],
    ['a sample twice', '# TYPE a gauge\na 1\na 2\n# EOF\n'],
    ['a wrong number', '# TYPE a gauge\na 1,5\n# EOF\n'],
    ['an open label', '# TYPE a gauge\na{b="c} 1\n# EOF\n'],
    ['a label twice', '# TYPE a gauge\na{b="c",b="d"} 1\n# EOF\n'],
    ['falling buckets', '# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n# EOF\n'],
    ['a missing last bucket', '# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n# EOF\n'],
    ['an unknown type', '# TYPE a wonder\n# EOF\n'],
  ])('%s', (_, text) => expect(() => parseMetrics(text, true)).toThrow())
})

describe('prefersOpenMetrics', () => {
  it.each([
    ['application/openmetrics-text; version=1.0.0', true],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1', true],
    ['application/openmetrics-text;q=0.3,text/plain;q=0.5', false],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text;q=zz', false],
    ['text/plain', false],
    ['*/*', false],
    ['', false],
  ])('%j: %s', (accept, open) => expect(prefersOpenMetrics(accept)).toBe(open))
})
