import { expect, test } from 'vitest'
import { askRules, type ConnectedClient, withRules } from '../../src/auth/hooks.ts'
import { identity } from '../../src/auth/identity.ts'

const client: ConnectedClient = {
  connectionId: 1,
  user: 'a',
  account: '$G',
  ip: '127.0.0.1',
  connectionType: 'STANDARD',
  name: '',
  lang: '',
  version: '',
}

test("the program's rules stand over others when those change, as by a new token", () => {
  const hookRules = { publish: { allow: ['a'], deny: ['b'] }, subscribe: undefined }
  const before = withRules(identity('jwt', 'U', 'A', { permissions: { subscribe: { allow: ['s'] } }, hookRules }))
  expect(before.permissions).toEqual({ publish: { allow: ['a'], deny: ['b'] }, subscribe: { allow: ['s'] } })
  const permissions = { publish: { allow: ['x'], deny: ['y'] }, responses: { maxMessages: 1, expires: 1000 } }
  expect(withRules({ ...before, permissions }).permissions).toEqual({
    publish: { allow: ['a'], deny: ['y', 'b'] },
    subscribe: undefined,
    responses: permissions.responses,
  })
})

test('without rules, or with rules that say nothing, permissions are as they were', () => {
  const permissions = { publish: { allow: ['x'] } }
  const plain = identity('password', 'a', '$G', { permissions })
  expect(withRules(plain)).toBe(plain)
  const silent = { publish: undefined, subscribe: undefined }
  expect(withRules({ ...plain, hookRules: silent }).permissions?.publish).toBe(permissions.publish)
  expect(withRules(identity('none', '', '$G', { hookRules: silent })).permissions).toBeUndefined()
})

test('of an answer only its rules are kept: the rest may not be able to cross threads', async () => {
  const answer = { allow: ['a'], more: () => undefined }
  expect(await askRules({ authorizePublish: () => answer }, client)).toEqual({
    publish: { allow: ['a'], deny: undefined },
    subscribe: undefined,
  })
})

test.each([null, 'a', 5, [], { allow: 'a' }, { deny: [1] }])(
  '%j is no answer: the client is refused',
  async (answer) => {
    const refused = { cause: 'authorizeSubscribe() returned invalid rules' }
    expect(await askRules({ authorizeSubscribe: () => answer as never }, client)).toMatchObject(refused)
  },
)

test('what is thrown refuses, with its message for the log', async () => {
  const thrown = askRules({ authorizePublish: () => Promise.reject(new Error('no database')) }, client)
  expect(await thrown).toMatchObject({ cause: 'authorization by the program failed: no database' })
})
