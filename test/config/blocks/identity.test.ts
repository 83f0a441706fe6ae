// Operators and account JWTs in a configuration; the tokens are made here.

import { createAccount, createOperator, type KeyPair } from '@nats-io/nkeys'
import { expect, test } from 'vitest'
import { checkFile } from '../support.ts'

function jwt(kind: string, issuer: KeyPair, subject: KeyPair, nats: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: issuer.getPublicKey(), sub: subject.getPublicKey(), nats: { type: kind, version: 2, ...nats } }
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}

const operator = createOperator()
const account = createAccount()
const OPERATOR = jwt('operator', operator, operator)
const ACCOUNT = jwt('account', operator, account)

async function check(files: string | Record<string, string>): Promise<string> {
  const all = typeof files === 'string' ? { 'x.conf': files } : files
  const result = await checkFile('x.conf', {
    readFile: (path) => {
      const text = (all as Record<string, string>)[path]
      if (text === undefined) throw new Error(`open ${path}: no such file or directory`)
      return text
    },
    environment: () => undefined,
  })
  return result.code === 0 ? 'good' : result.stderr.trim()
}

test('an operator, inline or in a file, plain or decorated', async () => {
  expect(await check(`operator: "${OPERATOR}"\nresolver: MEMORY\n`)).toBe('good')
  const decorated = `-----BEGIN TEST JWT-----\n${OPERATOR}\n------END TEST JWT------\n`
  for (const text of [OPERATOR, `${OPERATOR}\n`, decorated]) {
    expect(await check({ 'x.conf': 'operators: [ "op.jwt" ]\nresolver: MEMORY\n', 'op.jwt': text })).toBe('good')
  }
})

test.each([
  ['of another kind', ACCOUNT, 'not operator claim'],
  ['with a changed claim', OPERATOR.replace(/\.(.)/, '.A$1'), ''],
  ['cut short', OPERATOR.slice(0, -10), 'claim failed V2 signature verification'],
  ['signed by another', `${OPERATOR.slice(0, OPERATOR.lastIndexOf('.'))}.${ACCOUNT.split('.')[2]}`, 'claim failed V2'],
  ['without parts', 'eyJ0', 'expected 3 chunks'],
  ['of a newer kind', jwt('operator', operator, operator, { version: 3 }), 'newer version'],
])('an operator %s is refused', async (_, token, reason) => {
  const told = await check(`operator: "${token}"\n`)
  expect(told).toContain('x.conf:1:0: error parsing operator JWT: ')
  expect(told).toContain(reason)
})

test('preloaded accounts', async () => {
  const key = account.getPublicKey()
  expect(await check(`resolver: MEMORY\nresolver_preload { ${key}: "${ACCOUNT}" }\n`)).toBe('good')
  expect(await check(`resolver_preload { ${key}: "${OPERATOR}" }\n`)).toContain('invalid account JWT')
})

test.each([
  ['type: full, dir: /tmp', 'good'],
  ['type: cache, dir: /tmp, ttl: "1h", timeout: "2s"', 'good'],
  ['type: mem', 'good'],
  ['type: full', 'dir has no value and needs to point to a directory'],
  ['type: full, dir: x, ttl: "1h"', 'FULL does not accept ttl'],
  ['type: full, dir: x, hard_delete: true', 'hard_delete has no effect without delete'],
  ['type: cache, dir: x, interval: "1h"', 'CACHE does not accept sync'],
  ['type: cache, dir: x, allow_delete: true', 'CACHE does not accept allow_delete'],
  ['dir: x', 'error parsing account resolver, should be MEM or'],
  ['type: full, dir: x, timeout: soon', 'time: invalid duration "soon"'],
])('resolver { %s }', async (text, outcome) => {
  expect(await check(`resolver { ${text} }\n`)).toContain(outcome)
})
