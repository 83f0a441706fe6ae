import { expect, test } from 'vitest'
import { OriginPolicy, parseOrigin, splitHostPort } from '../../src/text/origin.ts'

test('an origin has the port that its scheme stands for, if it names none', () => {
  expect(parseOrigin('http://A.example')).toEqual({ scheme: 'http', host: 'a.example', port: '80' })
  expect(parseOrigin('HTTPS://a.example/x')).toEqual({ scheme: 'https', host: 'a.example', port: '443' })
  expect(parseOrigin('https://u:p@[::1]:8443')).toEqual({ scheme: 'https', host: '::1', port: '8443' })
})

test.each(['null', '', 'a.example', '/path', 'http://a:1:2', 'http://[::1', 'http://a:x'])(
  '%j is no origin',
  (text) => {
    expect(parseOrigin(text)).toBeUndefined()
  },
)

test('a host may be in brackets', () => {
  expect(splitHostPort('[FE80::1]', false)).toEqual({ host: 'fe80::1', port: '80' })
  expect(splitHostPort('a:', true)).toEqual({ host: 'a', port: '' })
})

test('without a policy every page may connect', () => {
  expect(new OriginPolicy(false, []).objection('null', 'a', false)).toBeUndefined()
})

test('who sends no origin is no page', () => {
  expect(new OriginPolicy(true, ['http://b']).objection('', 'a', false)).toBeUndefined()
})

test('with same_origin scheme, host and port must be those of the request', () => {
  const policy = new OriginPolicy(true, [])
  expect(policy.objection('http://A:80', 'a', false)).toBeUndefined()
  expect(policy.objection('https://a', 'A:443', true)).toBeUndefined()
  for (const [origin, host, secure] of [
    ['http://a:81', 'a', false],
    ['http://b', 'a', false],
    ['https://a', 'a', false],
    ['http://a', 'a', true],
    ['http://a.evil.example', 'a', false],
  ] as const) {
    expect(policy.objection(origin, host, secure)).toBe('not same origin')
  }
  expect(policy.objection('null', 'a', false)).toBe('parse "null": invalid URI for request')
})

test('with allowed origins the page must be one of them', () => {
  const policy = new OriginPolicy(false, ['https://app.example', 'http://localhost:3000'])
  expect(policy.objection('https://APP.example:443', 'a', false)).toBeUndefined()
  expect(policy.objection('http://localhost:3000', 'a', false)).toBeUndefined()
  for (const origin of ['http://app.example', 'https://app.example:444', 'https://app.example.evil.example']) {
    expect(policy.objection(origin, 'a', false)).toBe('not in the allowed list')
  }
})

test('both rules may hold', () => {
  const policy = new OriginPolicy(true, ['http://a'])
  expect(policy.objection('http://a', 'a', false)).toBeUndefined()
  expect(policy.objection('http://b', 'b', false)).toBe('not in the allowed list')
})
