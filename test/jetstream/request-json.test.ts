import { expect, test } from 'vitest'
import {
  flag,
  instant,
  integer,
  list,
  object,
  readJson,
  smallInteger,
  text,
  word,
} from '../../src/jetstream/request-json.ts'

const REQUEST = object<{
  name: string
  count: number
  small: number
  on: boolean
  tags: string[]
  kind: string
  at: string
}>('Request', {
  name: text,
  count: integer,
  small: smallInteger,
  on: flag,
  tags: list(text),
  kind: word('a', 'b'),
  at: instant,
})

const read = (json: string, strict = true) => readJson(json, REQUEST, strict)

test('members are found in any letter case, the last of one name counts, null says nothing', () => {
  expect(read('{"NAME":"x","name":"y","On":true,"count":null}')).toEqual({ value: { name: 'y', on: true } })
})

test('members come in the order in which they are shown', () => {
  expect(Object.keys(read('{"tags":["a"],"name":"x"}').value ?? {})).toEqual(['name', 'tags'])
})

test('an unknown member is a fault only where that is asked for; the rest is read', () => {
  expect(read('{"foo":1,"name":"x"}')).toEqual({ value: { name: 'x' }, fault: 'json: unknown field "foo"' })
  expect(read('{"foo":1,"name":"x"}', false)).toEqual({ value: { name: 'x' } })
})

test.each([
  ['{"count":9223372036854775807}', 2 ** 63],
  ['{"count":-5}', -5],
])('%s is a whole number', (json, count) => {
  expect(read(json)).toEqual({ value: { count } })
})

test.each([
  '{"count":9223372036854775808}',
  '{"count":1.5}',
  '{"count":1e3}',
  '{"count":"1"}',
  '{"small":2147483648}',
  '{"name":1}',
  '{"on":1}',
  '{"tags":"a"}',
  '{"tags":[1]}',
  '{"kind":"c"}',
  '{"at":"yesterday"}',
  '{"at":1}',
  '[]',
  '7',
])('%s is refused', (json) => {
  expect(read(json).fault).toMatch(/^(?:json: |can not unmarshal |parsing time |Time\.UnmarshalJSON)/)
})

test.each(['{', '{"name":', 'text', '', "{'name':1}"])('%j is no JSON', (json) => {
  const { value, fault } = read(json)
  expect(value).toBeUndefined()
  expect(fault).toMatch(/EOF|invalid character/)
})
