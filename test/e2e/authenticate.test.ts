// The embedding program decides who may connect: createServer({ authenticate }).

import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type Authenticate,
  type AuthenticateRequest,
  createServer,
  type EmbeddedOptions,
  type HeddleServer,
  OptionError,
} from '../../src/index.ts'
import { say } from '../support/harness.ts'

const VIOLATION = "-ERR 'Authorization Violation'\r\n"

describe.each([0, 1, 4])('authenticate() with %i workers', (workers) => {
  const base = { host: '127.0.0.1', port: -1, workers }

  async function start(authenticate: Authenticate, options: EmbeddedOptions = {}): Promise<HeddleServer> {
    const server = createServer({ ...base, ...options, authenticate })
    await server.ready()
    onTestFinished(() => server.close())
    return server
  }

  test('is told what the client says, and answers who it is, at once or later', async () => {
    const asked: AuthenticateRequest[] = []
    const { port } = await start(
      (request) => {
        asked.push(request)
        if (request.password !== 'right') return undefined
        const answer = { user: `the ${request.user}`, account: request.user === 'a' ? 'A' : undefined }
        return request.user === 'later' ? new Promise((resolve) => setImmediate(resolve, answer)) : answer
      },
      { accounts: { A: {} } },
    )
    const [a, later] = [
      await say(port, { user: 'a', pass: 'right', name: 'n' }),
      await say(port, { user: 'later', pass: 'right' }),
    ]
    await say(port, { user: 'a', pass: 'wrong' }, VIOLATION)
    expect(asked[0]).toMatchObject({ user: 'a', password: 'right', name: 'n', ip: '127.0.0.1', token: '' })
    expect(asked[0].nonce).toMatch(/^\S{15}$/)
    expect(Object.keys(asked[0])).not.toContain('verbose')
    a.send('SUB x 1\r\n')
    await a.sync()
    later.send('SUB x 1\r\nPUB x 0\r\n\r\n')
    await later.expect('MSG x 1 0\r\n\r\n')
    await a.sync()
  })

  test.each<[string, Authenticate]>([
    ['false', () => false],
    ['null', () => null],
    ['nothing in time', () => new Promise(() => undefined)],
    [
      'an exception',
      () => {
        throw new Error('x')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('x'))],
    ['an account that there is not', () => ({ user: 'x', account: 'nowhere' })],
    ['a user without a name', () => ({}) as { user: string }],
    [
      'permissions of another shape',
      () => ({ user: 'x', permissions: { publish: 'a' } }) as unknown as { user: string },
    ],
  ])('keeps out by answering %s', async (what, authenticate) => {
    const { port } = await start(authenticate, { authorization: { timeout: 1000 } })
    const text = what === 'nothing in time' ? "-ERR 'Authentication Timeout'\r\n" : VIOLATION
    const client = await say(port, { user: 'a' }, text)
    await client.expectClose()
  })

  test('says what a user may do, and until when', async () => {
    const { port } = await start(({ user }) => ({
      user,
      permissions: { publish: { allow: ['may'] }, subscribe: { deny: ['not'] } },
      maxSubscriptions: 1,
      maxPayload: 2,
      expiresAtMs: user === 'short' ? Date.now() + 300 : undefined,
    }))
    const client = await say(port, { user: 'a' })
    client.send('PUB other 0\r\n\r\nSUB not 1\r\nSUB ok 2\r\nSUB too 3\r\n')
    await client.expect(
      '-ERR \'Permissions Violation for Publish to "other"\'\r\n' +
        '-ERR \'Permissions Violation for Subscription to "not"\'\r\n' +
        "-ERR 'maximum subscriptions exceeded'\r\n",
    )
    client.send('PUB may 3\r\nabc\r\n')
    await client.expect("-ERR 'Maximum Payload Violation'\r\n")
    const short = await say(port, { user: 'short' })
    await short.expect("-ERR 'User Authentication Expired'\r\n")
    await short.expectClose()
  })

  test('is asked again at a reload, which may bring another function', async () => {
    const server = await start(({ user }) => ({ user }))
    const [stays, goes] = [await say(server.port, { user: 'a' }), await say(server.port, { user: 'b' })]
    await server.reload({})
    await stays.sync()
    await goes.sync()
    await server.reload({ authenticate: ({ user }) => (user === 'a' ? { user } : false) })
    await goes.expect(VIOLATION)
    await goes.expectClose()
    await stays.sync()
  })

  test('must be a function, and there from the start', async () => {
    expect(() => createServer({ ...base, authenticate: true as unknown as Authenticate })).toThrow(OptionError)
    const server = createServer(base)
    onTestFinished(() => server.close())
    await server.ready()
    await expect(server.reload({ authenticate: () => false })).rejects.toThrow(OptionError)
    const guarded = await start(({ user }) => ({ user }))
    await expect(guarded.reload({ authenticate: null })).rejects.toThrow(OptionError)
    await expect(say(guarded.port, { user: 'a' })).resolves.toBeDefined()
  })
})
