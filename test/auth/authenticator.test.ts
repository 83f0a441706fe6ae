import { hashSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { lowestLimits } from '../../src/accounts/limits.ts'
import { Authenticator, type AuthServices } from '../../src/auth/authenticator.ts'
import { AuthFaults, type Identity, identity, isRefusal, type Refusal, refuse } from '../../src/auth/identity.ts'
import type { PasswordVerifier } from '../../src/auth/password.ts'
import { NO_CREDENTIALS, type PeerCertificate } from '../../src/auth/request.ts'
import { type AuthInput, authSettings } from '../../src/auth/settings.ts'
import type { UserOptions } from '../../src/options/shapes.ts'
import { atOnce, createUser, request, signNonce, userOptions } from './material.ts'

const HASH = hashSync('hashed', 4)
const passwords: PasswordVerifier = { verify: async (_, password) => (password === 'hashed' ? 'match' : 'mismatch') }

function withUsers(users: readonly UserOptions[], rest: Partial<AuthInput> = {}, services: Partial<AuthServices> = {}) {
  const authorization = {
    username: '',
    password: '',
    token: '',
    users,
    hasUsers: true,
    callout: undefined,
    proxyRequired: false,
  }
  return new Authenticator(authSettings({ authorization, ...rest }, services.custom !== undefined), {
    passwords,
    ...services,
  })
}

function who(answer: Identity | Refusal): Identity {
  if (isRefusal(answer)) throw new Error(answer.cause)
  return answer
}

const why = (answer: Identity | Refusal): string => (isRefusal(answer) ? answer.cause : `${answer.user} came in`)

describe('an identity', () => {
  const permissions = { publish: { allow: ['a'] } }
  const alice = userOptions('alice', { password: 'a', permissions, connectionTypes: ['STANDARD', 'WEBSOCKET'] })

  it('has the account, permissions and connection types of the user', () => {
    const authenticator = withUsers([], { accounts: [{ name: 'A', users: [alice], defaultPermissions: undefined }] })
    expect(who(atOnce(authenticator.authenticate(request({ user: 'alice', password: 'a' }))))).toEqual(
      identity('password', 'alice', 'A', { permissions, connectionTypes: ['STANDARD', 'WEBSOCKET'] }),
    )
  })

  it('of one that nobody asked shows what it said, and no token', () => {
    const open = new Authenticator(authSettings({}), { passwords })
    expect(who(atOnce(open.authenticate(request())))).toEqual(identity('none', '', '$G'))
    expect(who(atOnce(open.authenticate(request({ user: 'x' })))).user).toBe('x')
    expect(who(atOnce(open.authenticate(request({ token: 'secret' })))).user).toBe('[REDACTED]')
    expect(who(atOnce(open.authenticate(request({ jwt: 'eyJ.secret' })))).user).toBe('')
  })

  it('can be cloned to another thread', () => {
    const one = who(atOnce(withUsers([alice]).authenticate(request({ user: 'alice', password: 'a' }))))
    expect(structuredClone(one)).toEqual(one)
  })
})

describe('a refusal', () => {
  it('says nothing of what was sent', async () => {
    const nkey = createUser()
    const authenticator = withUsers([
      userOptions('alice', { password: HASH }),
      userOptions('', { nkey: nkey.getPublicKey() }),
    ])
    const said = ['marker1', 'marker2', 'marker3', 'marker4', 'marker5', 'marker6', 'marker7']
    const [user, password, token, jwt, key, signature, proxySignature] = said
    for (const credentials of [
      { user, password, token, jwt, nkey: key, signature, proxySignature },
      { user, password },
      { user: 'alice', password },
      { token },
      { nkey: nkey.getPublicKey(), signature },
    ]) {
      const text = JSON.stringify(await authenticator.authenticate(request(credentials)))
      for (const marker of said) expect(text).not.toContain(marker)
      expect(text).not.toContain(HASH)
    }
  })

  it('is of a busy verifier, too, and never of a match', async () => {
    for (const verdict of ['mismatch', 'busy', 'gone'] as const) {
      const services = { passwords: { verify: async () => verdict } }
      const authenticator = withUsers([userOptions('alice', { password: HASH })], {}, services)
      const answer = await authenticator.authenticate(request({ user: 'alice', password: 'hashed' }))
      expect(why(answer)).toBe(`password: ${verdict}`)
    }
  })

  it('comes before a hash is worked out, where it would come anyway', () => {
    const services = { passwords: { verify: () => Promise.reject(new Error('asked')) } }
    const alice = userOptions('alice', { password: HASH, connectionTypes: ['WEBSOCKET'] })
    const bob = userOptions('bob', { password: HASH, proxyRequired: true })
    const authenticator = withUsers([alice, bob], {}, services)
    expect(why(atOnce(authenticator.authenticate(request({ user: 'alice' }))))).toBe('connection type not allowed')
    expect(why(atOnce(authenticator.authenticate(request({ user: 'bob' }))))).toBe('proxy required')
  })
})

describe('connection types', () => {
  const types = ['STANDARD', 'WEBSOCKET', 'LEAFNODE', 'LEAFNODE_WS', 'MQTT', 'MQTT_WS', 'IN_PROCESS'] as const
  it('bind every way to be a user, that of no_auth_user too', async () => {
    const nkey = createUser()
    for (const allowed of types) {
      const users = [
        userOptions('alice', { password: 'a', connectionTypes: [allowed] }),
        userOptions('bob', { password: HASH, connectionTypes: [allowed] }),
        userOptions('', { nkey: nkey.getPublicKey(), connectionTypes: [allowed] }),
      ]
      const authenticator = withUsers(users, { noAuthUser: 'alice' })
      for (const connectionType of types) {
        const ways = [
          {},
          { user: 'alice', password: 'a' },
          { user: 'bob', password: 'hashed' },
          { nkey: nkey.getPublicKey(), signature: signNonce(nkey) },
        ]
        for (const said of ways) {
          const answer = await authenticator.authenticate(request(said, { connectionType }))
          expect(isRefusal(answer), `${allowed}, ${connectionType}, ${JSON.stringify(said)}`).toBe(
            allowed !== connectionType,
          )
        }
        expect(authenticator.greeting(connectionType).mayOmitConnect).toBe(allowed === connectionType)
      }
    }
  })
})

describe('before CONNECT', () => {
  it('only those may speak who take the part of no_auth_user, and that is decided by authenticate()', () => {
    const alice = userOptions('alice', { password: HASH })
    const authenticator = withUsers([alice], { noAuthUser: 'alice' })
    expect(authenticator.greeting('STANDARD')).toEqual({
      isAnnounced: false,
      expectsConnect: true,
      mayOmitConnect: true,
      needsNonce: false,
    })
    const answer = atOnce(authenticator.authenticate(request({ ...NO_CREDENTIALS })))
    expect(who(answer)).toEqual(identity('noAuthUser', 'alice', '$G'))
    const proxied = withUsers([{ ...alice, proxyRequired: true }], { noAuthUser: 'alice' })
    expect(proxied.greeting('STANDARD').mayOmitConnect).toBe(false)
    expect(why(atOnce(proxied.authenticate(request())))).toBe('proxy required')
  })

  it('nobody may where users are nkeys, or nobody was named', () => {
    const nkey = createUser().getPublicKey()
    expect(withUsers([userOptions('', { nkey })], { noAuthUser: nkey }).greeting('STANDARD').mayOmitConnect).toBe(false)
    expect(withUsers([userOptions('alice')]).greeting('STANDARD')).toMatchObject({
      isAnnounced: true,
      mayOmitConnect: false,
    })
  })
})

describe('a WebSocket listener', () => {
  const websocket = { port: 8080, username: 'w', password: 'p', token: '', noAuthUser: '', tls: undefined }
  it('may ask for credentials of its own, where others are asked for nothing', () => {
    const authenticator = new Authenticator(authSettings({ websocket }), { passwords })
    const said = { user: 'w', password: 'p' }
    expect(who(atOnce(authenticator.authenticate(request(said, { connectionType: 'WEBSOCKET' })))).user).toBe('w')
    expect(why(atOnce(authenticator.authenticate(request({}, { connectionType: 'WEBSOCKET' }))))).toBe('unknown user')
    expect(who(atOnce(authenticator.authenticate(request()))).way).toBe('none')
    expect(authenticator.greeting('WEBSOCKET').isAnnounced).toBe(true)
    expect(authenticator.greeting('STANDARD').isAnnounced).toBe(false)
  })

  it('has a no_auth_user of its own', () => {
    const alice = userOptions('alice', { password: 'a' })
    const authenticator = withUsers([alice], { websocket: { ...websocket, username: '', noAuthUser: 'alice' } })
    expect(who(atOnce(authenticator.authenticate(request({}, { connectionType: 'WEBSOCKET' })))).user).toBe('alice')
    expect(isRefusal(atOnce(authenticator.authenticate(request())))).toBe(true)
  })

  it('asks for the same as others where it says nothing', () => {
    const authenticator = withUsers([userOptions('alice', { password: 'a' })], {
      websocket: { ...websocket, username: '', password: '' },
    })
    const said = { user: 'alice', password: 'a' }
    expect(who(atOnce(authenticator.authenticate(request(said, { connectionType: 'WEBSOCKET' })))).user).toBe('alice')
  })
})

describe('certificates', () => {
  const of = (...names: string[]): PeerCertificate => ({ findUser: (may) => names.find(may), names })
  const users = [
    userOptions('CN=alice'),
    userOptions('CN=bob', { connectionTypes: ['WEBSOCKET'] }),
    userOptions('carol', { password: 'c' }),
  ]
  const mapped = withUsers(users, { tls: { verifyAndMap: true } })

  it('say who somebody is, and nothing else does', () => {
    const known = request({ user: 'carol' }, { certificate: of('x', 'CN=alice') })
    expect(who(atOnce(mapped.authenticate(known)))).toEqual(identity('certificate', 'CN=alice', '$G'))
    for (const said of [{}, { user: 'CN=alice' }, { user: 'carol', password: 'c' }]) {
      expect(why(atOnce(mapped.authenticate(request(said))))).toBe('no user for the certificate')
    }
    expect(why(atOnce(mapped.authenticate(request({}, { certificate: of('y') }))))).toBe('no user for the certificate')
  })

  it('stand for users that may come this way only', () => {
    expect(isRefusal(atOnce(mapped.authenticate(request({}, { certificate: of('CN=bob') }))))).toBe(true)
  })

  it('do not take the place of a password that the user has', () => {
    const certificate = of('carol')
    expect(isRefusal(atOnce(mapped.authenticate(request({}, { certificate }))))).toBe(true)
    expect(who(atOnce(mapped.authenticate(request({ password: 'c' }, { certificate })))).user).toBe('carol')
  })

  it('are needed by users without a password wherever certificates are mapped', () => {
    const websocket = { port: 8080, username: '', password: '', token: '', noAuthUser: '', tls: { verifyAndMap: true } }
    const elsewhere = withUsers(users, { websocket })
    expect(why(atOnce(elsewhere.authenticate(request({ user: 'CN=alice' }))))).toBe(
      'the user may log in by certificate only',
    )
    const nowhere = withUsers(users)
    expect(who(atOnce(nowhere.authenticate(request({ user: 'CN=alice' })))).user).toBe('CN=alice')
  })
})

describe('a trusted proxy', () => {
  const proxy = createUser()
  const key = proxy.getPublicKey()
  const authenticator = withUsers([userOptions('alice', { password: 'a', proxyRequired: true })], {
    proxies: [key],
  })
  const alice = { user: 'alice', password: 'a' }

  it('is named in the identity', () => {
    const answer = atOnce(authenticator.authenticate(request({ ...alice, proxySignature: signNonce(proxy) })))
    expect(who(answer).proxyKey).toBe(key)
    expect(authenticator.greeting('STANDARD').needsNonce).toBe(true)
  })

  it('has its own reasons for a refusal, and no texts', () => {
    const wrong = [
      'x',
      'A'.repeat(86),
      signNonce(createUser()),
      Buffer.from(signNonce(proxy), 'base64url').toString('base64'),
    ]
    for (const proxySignature of wrong) {
      const answer = atOnce(authenticator.authenticate(request({ ...alice, proxySignature })))
      expect(answer).toMatchObject({ fault: { text: 'Authorization Violation', reason: 'Proxy Not Trusted' } })
    }
    expect(atOnce(authenticator.authenticate(request(alice)))).toMatchObject({ fault: AuthFaults.proxyRequired })
    const unsigned = request({ ...alice, proxySignature: signNonce(proxy, '') }, { nonce: '' })
    expect(isRefusal(atOnce(authenticator.authenticate(unsigned)))).toBe(true)
  })

  it('is no proxy where none are trusted', () => {
    const none = withUsers([userOptions('alice', { password: 'a', proxyRequired: true })])
    const answer = atOnce(none.authenticate(request({ ...alice, proxySignature: signNonce(proxy) })))
    expect(answer).toMatchObject({ fault: AuthFaults.proxyRequired })
  })
})

it('a custom function takes the place of everything', async () => {
  const custom = async (asked: { credentials: { user: string } }) =>
    asked.credentials.user === 'x' ? identity('custom', 'x', 'A') : refuse('no')
  const authenticator = withUsers([userOptions('alice', { password: 'a' })], {}, { custom })
  expect(who(await authenticator.authenticate(request({ user: 'x' }))).account).toBe('A')
  expect(why(await authenticator.authenticate(request({ user: 'alice', password: 'a' })))).toBe('no')
  expect(authenticator.greeting('STANDARD')).toMatchObject({
    isAnnounced: true,
    expectsConnect: true,
    needsNonce: true,
  })
})

it('the lowest limit holds, and none is higher than any', () => {
  const limits = (subscriptions: number, payload: number) => ({ subscriptions, payload })
  expect(lowestLimits(limits(-1, 5), limits(3, -1), limits(4, 0))).toEqual(limits(3, 0))
  expect(lowestLimits(limits(-1, -1))).toEqual(limits(-1, -1))
})
