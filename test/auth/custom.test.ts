import { describe, expect, it } from 'vitest'
import { type Authenticate, askCustom, authenticateRequest } from '../../src/auth/custom.ts'
import { identity, isRefusal } from '../../src/auth/identity.ts'
import { request } from './material.ts'

const asked = authenticateRequest(request({ user: 'u', password: 'p' }))
const ask = (authenticate: Authenticate) => askCustom(authenticate, asked, (name) => ['$G', 'A'].includes(name))

describe('an embedding program', () => {
  it('is told what the client said, in a form that crosses threads', () => {
    expect(structuredClone(asked)).toEqual(asked)
    expect(asked).toMatchObject({ user: 'u', password: 'p', ip: '127.0.0.1', connectionType: 'STANDARD', nonce: /./ })
    const certificate = { findUser: () => undefined, names: ['a', 'CN=b'] }
    expect(authenticateRequest(request({}, { certificate })).certificateNames).toEqual(['a', 'CN=b'])
  })

  it('decides who comes in, now or later', async () => {
    expect(await ask(() => ({ user: 'x' }))).toEqual(identity('custom', 'x', '$G'))
    const permissions = { publish: { allow: ['a'] }, responses: { maxMessages: 1, expires: 5 } }
    const answer = { user: 'x', account: 'A', permissions, expiresAtMs: 5, maxSubscriptions: 3 }
    expect(await ask(async () => answer)).toEqual(
      identity('custom', 'x', 'A', { permissions, expiresAtMs: 5, limits: { subscriptions: 3, payload: -1 } }),
    )
  })

  it('keeps out whom it does not name, and everybody when it fails', async () => {
    for (const answer of [undefined, null, false] as const) expect(isRefusal(await ask(() => answer))).toBe(true)
    const failures: Authenticate[] = [
      () => {
        throw new Error('database is down')
      },
      () => Promise.reject('not even an error'),
      async () => {
        throw null
      },
    ]
    for (const authenticate of failures) expect(isRefusal(await ask(authenticate))).toBe(true)
  })

  it('keeps out those of whom it says what makes no sense', async () => {
    const answers: unknown[] = [
      true,
      'x',
      5,
      {},
      { user: 5 },
      { user: 'x', account: 'B' },
      { user: 'x', account: 5 },
      { user: 'x', permissions: 5 },
      { user: 'x', permissions: null },
      { user: 'x', permissions: { publish: ['a'], subscribe: 'a' } },
      { user: 'x', permissions: { publish: { allow: 'a' } } },
      { user: 'x', permissions: { subscribe: { deny: [5] } } },
      { user: 'x', permissions: { responses: true } },
      { user: 'x', expiresAtMs: 'soon' },
      { user: 'x', maxPayload: Number.NaN },
    ]
    for (const answer of answers) {
      expect(isRefusal(await ask((() => answer) as Authenticate)), JSON.stringify(answer)).toBe(true)
    }
  })
})
