import { describe, expect, it, test } from 'vitest'
import { CompiledPermissions, denyPublish } from '../../src/auth/permissions.ts'
import type { Permissions } from '../../src/options/shapes.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { firstDisagreement } from './permissions-cases.ts'

const compile = (permissions: Permissions) => new CompiledPermissions(permissions)
const publish = (allow: string[] | undefined, deny?: string[]) => compile({ publish: { allow, deny } })
const subscribe = (allow: string[] | undefined, deny?: string[]) => compile({ subscribe: { allow, deny } })
const bytes = (text: string) => Buffer.from(text).toString('latin1')

test('100,000 random cases agree with the model', () => {
  expect(firstDisagreement(new Random(chooseSeed('permissions')), 100_000)).toBeUndefined()
})

describe('publishing', () => {
  it('is allowed everywhere when nothing is said', () => {
    expect(compile({}).mayPublish('a')).toBe(true)
    expect(compile({}).publishesAll).toBe(true)
    expect(publish(undefined, ['a']).publishesAll).toBe(false)
  })

  it('is allowed where a filter matches and no deny does', () => {
    const some = publish(['a.*', 'b.>'], ['b.c'])
    for (const subject of ['a.x', 'b.x', 'b.c.d', 'b.*', 'a.>']) expect(some.mayPublish(subject), subject).toBe(true)
    for (const subject of ['a', 'a.x.y', 'b', 'b.c', 'c', '']) expect(some.mayPublish(subject), subject).toBe(false)
  })

  it('is refused on malformed subjects as soon as there is a list of allowed ones', () => {
    for (const subject of ['b..c', '.a', 'b.', '']) expect(publish(['>']).mayPublish(subject), subject).toBe(false)
    expect(publish(undefined, ['b.>']).mayPublish('b..c')).toBe(true)
  })

  it('is refused everywhere by an empty list, and by a right to answer alone', () => {
    expect(publish([]).mayPublish('a')).toBe(false)
    const answers = { responses: { maxMessages: 1, expires: 1000 } }
    expect(compile(answers).mayPublish('a')).toBe(false)
    expect(compile({ ...answers, publish: { deny: ['b'] } }).mayPublish('a')).toBe(false)
    expect(compile({ ...answers, publish: { allow: ['a'] } }).mayPublish('a')).toBe(true)
  })

  it('knows no queues: such an entry allows nothing and denies its subject', () => {
    expect(publish(['a q']).mayPublish('a')).toBe(false)
    expect(publish(['>'], ['a q']).mayPublish('a')).toBe(false)
  })

  it('takes subjects as bytes', () => {
    expect(publish(['straße.*']).mayPublish(bytes('straße.ü'))).toBe(true)
    expect(publish(['straße.*']).mayPublish('straße.ü')).toBe(false)
  })

  it('is not fooled by names that objects have', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(publish([name]).mayPublish(name)).toBe(true)
      expect(publish(['a']).mayPublish(name)).toBe(false)
    }
  })
})

describe('subscribing', () => {
  it('is allowed inside what is allowed, as a whole', () => {
    const one = subscribe(['foo.*'])
    expect(one.maySubscribe('foo.*', '')).toBe('allowed')
    expect(one.maySubscribe('foo.bar', 'q')).toBe('allowed')
    for (const filter of ['foo.>', 'foo.*.x', '>', 'foo', '*.bar']) {
      expect(one.maySubscribe(filter, ''), filter).toBe('denied')
    }
  })

  it('follows a queue that an entry names for a part of the wildcard, as nats-server does', () => {
    const some = subscribe(['>', 'c.* q'])
    expect([some.maySubscribe('c.>', 'r'), some.maySubscribe('c.>', '')]).toEqual(['denied', 'allowed'])
  })

  it('takes an empty list as no list', () => {
    expect(subscribe([]).maySubscribe('a', '')).toBe('allowed')
  })

  it('follows the queues that entries name', () => {
    const some = subscribe(['foo q1', 'bar', 'bar q2', 'a.> q.*', 'b *'])
    const verdicts: [string, string, string][] = [
      ['foo', '', 'denied'],
      ['foo', 'q1', 'allowed'],
      ['foo', 'q2', 'denied'],
      ['bar', '', 'allowed'],
      ['bar', 'q2', 'allowed'],
      ['bar', 'q3', 'denied'],
      ['a.b', 'q.x', 'allowed'],
      ['a.b', 'q', 'denied'],
      ['a.>', 'q.>', 'denied'],
      ['a.>', 'q.*', 'allowed'],
      ['a.b', 'q..', 'denied'],
      ['b', 'any', 'allowed'],
      ['b', 'a.b', 'denied'],
      ['b', '*', 'allowed'],
      ['b', '>', 'denied'],
    ]
    for (const [filter, queue, verdict] of verdicts) {
      expect(some.maySubscribe(filter, queue), `${filter} ${queue}`).toBe(verdict)
    }
  })

  it('is denied by a deny for everybody, whatever a deny for a queue says', () => {
    const some = subscribe(undefined, ['foo', 'foo q1'])
    expect(some.maySubscribe('foo', 'q2')).toBe('denied')
    expect(some.mayDeliver('foo', 'q2')).toBe(false)
  })

  it('is filtered where a wildcard overlaps a deny, inside it or across', () => {
    const some = subscribe(undefined, ['foo.bar.*'])
    for (const filter of ['foo.>', 'foo.*.x', '>', '*.bar.*', '*.*.x']) {
      expect(some.maySubscribe(filter, ''), filter).toBe('filtered')
      expect(some.maySubscribe(filter, 'q'), filter).toBe('filtered')
    }
    for (const filter of ['foo.*', 'bar.>', '*.foo.*', 'foo.baz.*']) {
      expect(some.maySubscribe(filter, ''), filter).toBe('allowed')
    }
    expect(some.mayDeliver('foo.bar.x', '')).toBe(false)
    expect(some.mayDeliver('foo.bar', '')).toBe(true)
  })

  it('reads a deny’s * as a subscription’s > too, as nats-server does', () => {
    const some = subscribe(undefined, ['foo.*'])
    expect(some.maySubscribe('foo.>', '')).toBe('denied')
    expect(some.maySubscribe('>', '')).toBe('filtered')
  })

  it('filters only the queues that a deny names', () => {
    const some = subscribe(['d.>'], ['d.* q.>'])
    expect(some.maySubscribe('d.x', 'q.y')).toBe('denied')
    expect(some.maySubscribe('>', 'q.y')).toBe('denied')
    expect(some.maySubscribe('d.*.x', 'q.y')).toBe('allowed')
    expect(some.maySubscribe('d.x', 'q')).toBe('allowed')
    expect(subscribe(undefined, ['d.x q.>']).maySubscribe('d.*', 'q.y')).toBe('filtered')
    expect(subscribe(undefined, ['d.x q.>']).maySubscribe('d.*', 'q')).toBe('allowed')
    expect(subscribe(undefined, ['d.x q.>']).mayDeliver('d.x', 'q.y')).toBe(false)
    expect(subscribe(undefined, ['d.x q.>']).mayDeliver('d.x', '')).toBe(true)
  })

  it('leaves out what is no subject', () => {
    const some = subscribe(['a..b', '', 'a b c', 'foo.>.x', 'ok'])
    expect(some.maySubscribe('ok', '')).toBe('allowed')
    expect(some.maySubscribe('a', 'b')).toBe('denied')
  })
})

test('publishing can be denied on top of what is there', () => {
  expect(compile(denyPublish(undefined, ['x'])).mayPublish('x')).toBe(false)
  expect(compile(denyPublish(undefined, ['x'])).mayPublish('y')).toBe(true)
  const some = compile(denyPublish({ publish: { allow: ['x', 'y'], deny: ['y'] }, subscribe: { deny: ['s'] } }, ['x']))
  expect([some.mayPublish('x'), some.mayPublish('y'), some.maySubscribe('s', '')]).toEqual([false, false, 'denied'])
})
