import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import {
  createAccount,
  createCluster,
  createCurve,
  createOperator,
  createServer,
  createUser,
  fromPublic,
} from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import {
  createNonce,
  createUserKey,
  decodePublicKey,
  decodeSignature,
  encodePublicKey,
  isPublicKey,
  isSignedBy,
} from '../../src/auth/nkey.ts'

const KINDS = {
  operator: createOperator,
  account: createAccount,
  user: createUser,
  server: createServer,
  cluster: createCluster,
  curve: createCurve,
} as const

describe('public keys', () => {
  it('are told apart by kind, as the official library makes them', () => {
    for (const [kind, create] of Object.entries(KINDS)) {
      const text = create().getPublicKey()
      expect(decodePublicKey(text)?.kind, text).toBe(kind)
      expect(decodePublicKey(text)?.raw.length).toBe(32)
    }
  })

  it('have known bytes', () => {
    // The example of the public documentation; its bytes were taken from base32 by other means.
    const text = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4'
    expect(decodePublicKey(text)?.raw.toString('hex')).toBe(
      'ef4e44524b72e440f96dae7bba237c6666a40701cb1365a42244f84e7a67dab1',
    )
  })

  it('are refused with one letter changed, anywhere', () => {
    const text = createUser().getPublicKey()
    for (let at = 0; at < text.length; at++) {
      for (const letter of ['A', '7', '1', '=', 'ä', 'a', '\0']) {
        const changed = text.slice(0, at) + letter + text.slice(at + 1)
        if (changed !== text) expect(decodePublicKey(changed), changed).toBeUndefined()
      }
    }
  })

  it('are refused at every other length, in small letters, and when they are something else', () => {
    const user = createUser()
    const text = user.getPublicKey()
    for (let length = 0; length < text.length; length++) expect(decodePublicKey(text.slice(0, length))).toBeUndefined()
    const seed = new TextDecoder().decode(user.getSeed())
    for (const other of [`${text}A`, text + text, text.toLowerCase(), seed, 'U'.repeat(56), '\ud800'.repeat(56)]) {
      expect(decodePublicKey(other)).toBeUndefined()
    }
  })

  it('are of one kind only', () => {
    const text = createUser().getPublicKey()
    expect(isPublicKey(text, 'user')).toBe(true)
    expect(isPublicKey(text, 'account')).toBe(false)
  })
})

describe('signatures', () => {
  const user = createUser()
  const message = Buffer.from(createNonce())
  const signature = Buffer.from(user.sign(message))

  it('are good from the key that made them, over what they were made for', () => {
    expect(isSignedBy(user.getPublicKey(), message, signature)).toBe(true)
    expect(isSignedBy(createUser().getPublicKey(), message, signature)).toBe(false)
    expect(isSignedBy(user.getPublicKey(), Buffer.from('other'), signature)).toBe(false)
  })

  it('are refused when cut, long, changed, or by a key that is none or cannot sign', () => {
    const key = user.getPublicKey()
    for (let length = 0; length < 64; length++) {
      expect(isSignedBy(key, message, signature.subarray(0, length))).toBe(false)
      const changed = Buffer.from(signature)
      changed[length] ^= 1
      expect(isSignedBy(key, message, changed)).toBe(false)
    }
    expect(isSignedBy(key, message, Buffer.concat([signature, signature]))).toBe(false)
    for (const other of ['', 'U', createCurve().getPublicKey(), `${key}A`]) {
      expect(isSignedBy(other, message, signature)).toBe(false)
    }
  })

  it('come in both kinds of base64, and in no other form', () => {
    // One in which the two kinds differ.
    let url = ''
    let signature = Buffer.alloc(0)
    while (!/[-_]/.test(url)) {
      signature = Buffer.from(user.sign(Buffer.from(createNonce())))
      url = signature.toString('base64url')
    }
    const standard = signature.toString('base64')
    expect(decodeSignature(url)?.equals(signature)).toBe(true)
    expect(decodeSignature(standard)?.equals(signature)).toBe(true)
    const wrong = ['', url.slice(1), `${url}A`, `${url}==`, standard.slice(0, -2), `${standard}\n`, ` ${url}`]
    for (const text of [...wrong, 'ä'.repeat(86), '='.repeat(86), '-'.repeat(88), `+${url.slice(1)}`]) {
      expect(decodeSignature(text), text).toBeUndefined()
    }
  })
})

it('a nonce is 15 characters of which no two are alike', () => {
  const nonces = Array.from({ length: 1000 }, createNonce)
  expect(new Set(nonces).size).toBe(1000)
  expect(nonces.every((nonce) => /^[A-Za-z0-9_-]{15}$/.test(nonce))).toBe(true)
})

describe('keys made here', () => {
  it('are written as the official library writes them', () => {
    // RFC 8032, 7.1, test 1: the public key of this seed.
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
    const privateKey = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
    const raw = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    for (const kind of ['operator', 'account', 'user', 'server', 'cluster', 'curve'] as const) {
      const text = encodePublicKey(kind, createPublicKey(privateKey))
      expect(decodePublicKey(text)).toEqual({ kind, raw: Buffer.from(raw, 'hex') })
    }
    const user = encodePublicKey('user', createPublicKey(privateKey))
    expect(fromPublic(user).getPublicKey()).toBe(user)
    const message = Buffer.alloc(0)
    expect(isSignedBy(user, message, sign(null, message, privateKey))).toBe(true)
    expect(fromPublic(user).verify(message, sign(null, message, privateKey))).toBe(true)
  })

  it('name a user, another one each time', () => {
    const [one, other] = [createUserKey(), createUserKey()]
    expect(isPublicKey(one, 'user') && isPublicKey(other, 'user')).toBe(true)
    expect(one).not.toBe(other)
  })
})
