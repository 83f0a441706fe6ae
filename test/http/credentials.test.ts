// The Authorization header as credentials.

import { expect, test } from 'vitest'
import { readCredentials } from '../../src/http/credentials.ts'

const read = (header?: string, isOperatorMode = false) => {
  const answer = readCredentials(header, isOperatorMode)
  return 'auth' in answer ? answer.auth : answer.code
}

test('users, tokens, and bearers of a JWT', () => {
  expect(read()).toBeUndefined()
  expect(read(`Basic ${Buffer.from('ä:b:c').toString('base64')}`)).toEqual({ user: 'ä', pass: 'b:c' })
  expect(read(`bASIC ${btoa(':')}`)).toEqual({ user: '', pass: '' })
  expect(read('Bearer  a.b.c ')).toEqual({ auth_token: 'a.b.c' })
  expect(read('bearer a.b.c', true)).toEqual({ jwt: 'a.b.c' })
})

test('anything else is refused', () => {
  for (const header of ['', 'Basic', 'Basic ', `Basic ${btoa('user')}`, 'Digest a', 'Bearer', 'abc']) {
    expect(read(header), header).toBe('unauthorized')
  }
})
