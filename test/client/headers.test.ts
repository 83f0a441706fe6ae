// Headers by themselves.

import { expect, test } from 'vitest'
import { encodeHeaders } from '../../src/client/headers.ts'
import { canonicalMIMEHeaderKey, headers, InvalidArgumentError, Match, MsgHdrsImpl } from '../../src/client/index.ts'

const decode = (text: string): MsgHdrsImpl => MsgHdrsImpl.decode(Buffer.from(text))

test('names are as written, unless asked for otherwise', () => {
  const h = headers()
  h.set('content-type', 'a')
  h.append('Content-Type', 'b')
  h.append('CONTENT-TYPE', 'c', Match.IgnoreCase)
  expect(h.get('content-type')).toBe('a')
  expect(h.last('content-type')).toBe('c')
  expect(h.values('Content-Type', Match.IgnoreCase)).toEqual(['a', 'c', 'b'])
  expect(h.has('CONTENT-TYPE')).toBe(false)
  expect(h.has('CONTENT-TYPE', Match.CanonicalMIME)).toBe(true)
  expect(h.keys()).toEqual(['content-type', 'Content-Type'])
  h.set('content-TYPE', 'd', Match.CanonicalMIME)
  expect(h.keys()).toEqual(['Content-Type'])
  h.delete('content-type', Match.IgnoreCase)
  expect([...h]).toEqual([])
  expect(canonicalMIMEHeaderKey('x-some-NAME')).toBe('X-Some-Name')
})

test('they are sent as they are read', () => {
  const h = headers() as MsgHdrsImpl
  h.set('a', ' one ')
  h.append('a', '')
  h.append('b', 'ü: ö')
  const text = 'NATS/1.0\r\na: one\r\na: \r\nb: ü: ö\r\n\r\n'
  expect(Buffer.from(h.encode()).toString()).toBe(text)
  expect(decode(text).toRecord()).toEqual({ a: ['one', ''], b: ['ü: ö'] })
  expect(h.size()).toBe(2)
  h.append('c', 'd')
  expect(Buffer.from(h.encode()).toString()).toContain('c: d\r\n')
})

test('a status is read and written', () => {
  const h = decode('NATS/1.0 503 No Responders\r\na: b\r\n\r\n')
  expect(h).toMatchObject({ code: 503, description: 'No Responders', status: '503 No Responders', hasError: true })
  expect(h.toString()).toBe('NATS/1.0 503 No Responders\r\na: b\r\n\r\n')
  expect(decode('NATS/1.0 100\r\n\r\n')).toMatchObject({ code: 100, description: '', hasError: false })
  expect(decode('NATS/1.0\r\n\r\n')).toMatchObject({ code: 0, description: '', status: '' })
})

test('lines that are no headers are left out', () => {
  expect(decode('NATS/1.0\r\nno colon\r\n: no name\r\na:b\r\nc').toRecord()).toEqual({ a: ['b'] })
  expect(decode('').toRecord()).toEqual({})
})

test('names and values that would break the block are refused', () => {
  const h = headers()
  for (const name of ['', 'a b', 'a:', 'é', 'a\r\n']) expect(() => h.set(name, 'x'), name).toThrow(InvalidArgumentError)
  for (const value of ['a\r\nb', 'a\n', '\r']) expect(() => h.append('a', value)).toThrow(InvalidArgumentError)
  expect(h.keys()).toEqual([])
})

test('headers of another implementation are sent too', () => {
  const foreign = {
    code: 0,
    description: '',
    *[Symbol.iterator]() {
      yield ['a', ['b', 'c']] as [string, string[]]
    },
  }
  expect(Buffer.from(encodeHeaders(foreign as never)).toString()).toBe('NATS/1.0\r\na: b\r\na: c\r\n\r\n')
})
