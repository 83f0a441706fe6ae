// NKeys: the same as the official library makes.

import { createAccount, createUser, fromPublic } from '@nats-io/nkeys'
import { expect, test } from 'vitest'
import { createInbox } from '../../src/client/inbox.ts'
import { signerOf } from '../../src/client/nkey.ts'

test('public keys and signatures are those of the official library', async () => {
  for (let i = 0; i < 20; i++) {
    const user = createUser()
    const { publicKey, sign } = await signerOf(user.getSeed())
    expect(publicKey).toBe(user.getPublicKey())
    const nonce = Buffer.from(`nonce ${i}`)
    const signature = Buffer.from(await sign(nonce), 'base64url')
    expect(fromPublic(publicKey).verify(nonce, signature)).toBe(true)
    expect(Buffer.compare(signature, Buffer.from(user.sign(nonce)))).toBe(0)
  }
})

test('a line end behind a seed does not matter', async () => {
  const user = createUser()
  const { publicKey } = await signerOf(Buffer.concat([user.getSeed(), Buffer.from('\r\n')]))
  expect(publicKey).toBe(user.getPublicKey())
})

test('what is no seed of a user is refused', async () => {
  const seed = Buffer.from(createUser().getSeed())
  const changed = Buffer.from(seed)
  changed[10] = changed[10] === 65 ? 66 : 65
  for (const wrong of [Buffer.alloc(0), seed.subarray(1), changed, createAccount().getSeed(), Buffer.from('su')]) {
    await expect(signerOf(wrong)).rejects.toThrow(/seed/)
  }
})

test('inboxes differ', () => {
  const inboxes = Array.from({ length: 1_000 }, () => createInbox('mine'))
  expect(new Set(inboxes).size).toBe(1_000)
  for (const inbox of inboxes) expect(inbox).toMatch(/^mine\.[0-9A-Za-z]{22}$/)
})
