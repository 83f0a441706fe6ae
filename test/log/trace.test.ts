import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { traceOperation, tracePayload } from '../../src/log/trace.ts'
import { chooseSeed } from '../support/random.ts'

const connect = (json: string): string => traceOperation('CONNECT', json)
const ALL = { traceHeaders: false, maxTracedMessageLength: 0 }

describe('operations', () => {
  test('stand in brackets, with their arguments', () => {
    expect(traceOperation('PING', '')).toBe('[PING]')
    expect(traceOperation('SUB', 'foo 1')).toBe('[SUB foo 1]')
    expect(traceOperation('SUB', Buffer.from('grüße 1').toString('latin1'))).toBe('[SUB grüße 1]')
  })

  test('CONNECT without secrets is shown as it came', () => {
    const json =
      '{"lang":"java","version":"2.6.6","protocol":1,"verbose":false,"pedantic":false,"tls_required":false,"echo":true}'
    expect(connect(json)).toBe(`[CONNECT ${json}]`)
    expect(connect('{ "name" : "a \\"b\\" {c}" , "user":"u" }')).toBe(
      '[CONNECT { "name" : "a \\"b\\" {c}" , "user":"u" }]',
    )
  })

  test.each(['pass', 'auth_token', 'sig', 'nkey', 'jwt', 'proxy_sig', 'PASS', 'Auth_Token', 'p\\u0061ss', 'anything'])(
    'the value of %s is hidden',
    (member) => {
      expect(connect(`{"verbose":true,"${member}":"hush","lang":"go"}`)).toBe(
        `[CONNECT {"verbose":true,"${member}":"[REDACTED]","lang":"go"}]`,
      )
    },
  )

  test('numbers, nested values and lists are hidden too, and so is what is no JSON', () => {
    expect(connect('{"pass":1234,"protocol":1}')).toBe('[CONNECT {"pass":[REDACTED],"protocol":1}]')
    expect(connect('{"pass":["hush",{"x":"hush"}]}')).not.toContain('hush')
    expect(connect('{"name":"a","pass":"hush')).toBe('[CONNECT [REDACTED]]')
    expect(connect('pass=hush')).toBe('[CONNECT [REDACTED]]')
  })

  test('no password shows, whatever it is and wherever it stands', () => {
    const secret = fc.string({ minLength: 6 }).map((text) => `s3cr${text}et`)
    fc.assert(
      fc.property(secret, fc.constantFrom('pass', 'auth_token', 'jwt', 'sig'), fc.json(), (text, member, other) => {
        const shown = connect(JSON.stringify({ name: 'n', [member]: text, more: JSON.parse(other), lang: 'l' }))
        return !shown.includes(JSON.stringify(text).slice(1, -1))
      }),
      { seed: chooseSeed('trace secrets'), numRuns: 500 },
    )
  })
})

describe('messages', () => {
  const message = Buffer.from('NATS/1.0\r\nA: b\r\n\r\nhello')
  const headerSize = 18

  test('are quoted', () => {
    expect(tracePayload(Buffer.from('a\x00b"'), 0, ALL)).toBe('MSG_PAYLOAD: ["a\\x00b\\""]')
    expect(tracePayload(message, headerSize, ALL)).toBe('MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b\\r\\n\\r\\nhello"]')
  })

  test('empty ones are not shown', () => {
    expect(tracePayload(Buffer.alloc(0), 0, ALL)).toBeUndefined()
  })

  test('are cut where they are too long', () => {
    const cut = { ...ALL, maxTracedMessageLength: 4 }
    expect(tracePayload(Buffer.from('hello'), 0, cut)).toBe('MSG_PAYLOAD: ["hell..."]')
    expect(tracePayload(Buffer.from('hell'), 0, cut)).toBe('MSG_PAYLOAD: ["hell"]')
  })

  test('only headers, where only they are wanted', () => {
    const headers = { ...ALL, traceHeaders: true }
    expect(tracePayload(message, headerSize, headers)).toBe('MSG_PAYLOAD: ["NATS/1.0\\r\\nA: b\\r\\n"]')
    expect(tracePayload(Buffer.from('hello'), 0, headers)).toBeUndefined()
  })
})
