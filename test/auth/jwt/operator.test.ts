import { encodeOperator } from '@nats-io/jwt'
import { describe, expect, it } from 'vitest'
import { decodeOperator, type Operator, operatorSettings } from '../../../src/auth/jwt/operator.ts'
import { isInvalid } from '../../../src/auth/jwt/token.ts'
import { claims, createAccount, createOperator, createUser, NOW, NOW_MS, sign, Tree } from '../material.ts'

const key = createOperator()
const signer = createOperator()
const system = createAccount().getPublicKey()

function operator(nats: object = {}, top: object = {}): Operator {
  const decoded = decodeOperator(sign(claims('operator', key.getPublicKey(), key, nats, top), key))
  if (isInvalid(decoded)) throw new Error(decoded.invalid)
  return decoded
}

const input = {
  systemAccount: '',
  defaultSentinel: '',
  resolverPinnedAccounts: [],
  trustedKeys: [],
  serverVersion: '2.12.0',
  nowMs: NOW_MS,
}

describe('an operator', () => {
  it('is read from its token, alone or out of a file', async () => {
    const body = { signing_keys: [signer.getPublicKey()], system_account: system } as object
    const token = await encodeOperator('op', key, body)
    for (const text of [
      token,
      `${token}\n`,
      `-----BEGIN NATS OPERATOR JWT-----\n${token}\n------END NATS OPERATOR JWT------\n`,
    ]) {
      expect(decodeOperator(text)).toMatchObject({
        claims: { name: 'op', subject: key.getPublicKey() },
        signingKeys: [signer.getPublicKey()],
        systemAccount: system,
        isStrict: false,
      })
    }
  })

  it('is refused when its keys are none', () => {
    const refused = [
      { signing_keys: ['x'] },
      { signing_keys: [createAccount().getPublicKey()] },
      { system_account: createUser().getPublicKey() },
      { strict_signing_key_usage: 'yes' },
    ]
    for (const nats of refused) {
      const text = sign(claims('operator', key.getPublicKey(), key, nats), key)
      expect(isInvalid(decodeOperator(text)), JSON.stringify(nats)).toBe(true)
    }
    expect(isInvalid(decodeOperator(sign(claims('operator', createUser().getPublicKey(), key), key)))).toBe(true)
  })
})

describe('operator mode', () => {
  it('trusts the key and the signing keys, of a strict operator only these', () => {
    const keys = { signing_keys: [signer.getPublicKey()] }
    expect(operatorSettings([operator(keys)], input)).toMatchObject({
      trustedKeys: [key.getPublicKey(), signer.getPublicKey()],
      strictKeys: [],
    })
    expect(operatorSettings([operator({ ...keys, strict_signing_key_usage: true })], input)).toMatchObject({
      trustedKeys: [signer.getPublicKey()],
      strictKeys: [signer.getPublicKey()],
    })
  })

  it('takes the system account of the operator, unless they disagree', () => {
    const other = createAccount().getPublicKey()
    const named = operator({ system_account: system })
    expect(operatorSettings([named], input)).toMatchObject({ systemAccount: system })
    expect(operatorSettings([operator()], { ...input, systemAccount: other })).toMatchObject({ systemAccount: other })
    expect(operatorSettings([named], { ...input, systemAccount: other })).toEqual({
      invalid: 'system_account in config and operator JWT must be identical',
    })
  })

  it('pins the system account with the others', () => {
    const pinned = createAccount().getPublicKey()
    const settings = operatorSettings([operator({ system_account: system })], {
      ...input,
      resolverPinnedAccounts: [pinned],
    })
    expect(settings).toMatchObject({ pinnedAccounts: [pinned, system] })
    expect(operatorSettings([operator()], { ...input, resolverPinnedAccounts: ['x'] })).toEqual({
      invalid: 'pinned account key "x" is not a valid public account nkey',
    })
  })

  it('does not start with an operator that expects a newer server, or is expired', () => {
    const asks = (version: string) => operatorSettings([operator({ assert_server_version: version })], input)
    for (const version of ['', '2.12.0', '2.11.99', '1.99.99']) expect(isInvalid(asks(version)), version).toBe(false)
    for (const version of ['2.12.1', '2.13.0', '3.0.0', 'x', '2.12', '-1.0.0']) {
      expect(isInvalid(asks(version)), version).toBe(true)
    }
    expect(isInvalid(operatorSettings([operator({}, { exp: NOW - 1 })], input))).toBe(true)
  })

  it('takes only a bearer token for those who have none', async () => {
    const tree = new Tree()
    const user = createUser()
    const scoped = await tree.scopedUser(user, createAccount())
    const bearer = await tree.user(user, { bearer_token: true })
    for (const defaultSentinel of [bearer, scoped]) {
      expect(operatorSettings([operator()], { ...input, defaultSentinel })).toMatchObject({ defaultSentinel })
    }
    const plain = await tree.user(user)
    expect(operatorSettings([operator()], { ...input, defaultSentinel: plain })).toEqual({
      invalid: 'default sentinel must be a bearer token',
    })
    expect(operatorSettings([operator()], { ...input, defaultSentinel: 'x' })).toEqual({
      invalid: 'default sentinel JWT not valid',
    })
  })
})
