import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { isInvalid } from '../../../src/auth/jwt/token.ts'
import { AccountDirectory, type DirectoryOptions } from '../../../src/auth/resolver/directory.ts'
import { checkDelete, checkUpdate, MemoryResolver } from '../../../src/auth/resolver/resolver.ts'
import { claims, createAccount, createOperator, createUser, NOW, publicKey, sign, UNLIMITED } from '../material.ts'

const root = mkdtempSync(join(tmpdir(), 'heddle-resolver-'))
afterAll(() => rmSync(root, { recursive: true }))

const operator = createOperator()
let directory = ''
let nowMs = NOW * 1000
let made = 0
beforeEach(() => {
  directory = join(root, String(made++))
  nowMs = NOW * 1000
})

async function open(options: Partial<DirectoryOptions> = {}): Promise<AccountDirectory> {
  const all = { directory, type: 'full', limit: 0, ttlMs: 0, deletes: 'no', nowMs: () => nowMs } as const
  const opened = await AccountDirectory.open({ ...all, ...options })
  if (isInvalid(opened)) throw new Error(opened.invalid)
  return opened
}

function account(top: object = {}): { key: string; jwt: string; again(top: object): string } {
  const key = publicKey(createAccount())
  const token = (more: object) => sign(claims('account', key, operator, { limits: UNLIMITED }, more), operator)
  return { key, jwt: token(top), again: token }
}

describe('a directory of accounts', () => {
  it('keeps tokens in files named by the key, and finds them again', async () => {
    const { key, jwt } = account()
    const changed: string[] = []
    const first = await open({ onChange: (at) => changed.push(at) })
    expect(await first.lookup(key)).toBeUndefined()
    expect(await first.store(key, jwt)).toBeUndefined()
    expect(await first.store(key, jwt)).toBeUndefined()
    expect(changed).toEqual([key])
    expect(readdirSync(directory)).toEqual([`${key}.jwt`])
    expect(readFileSync(join(directory, `${key}.jwt`), 'utf8')).toBe(jwt)
    const second = await open()
    expect(await second.lookup(key)).toBe(jwt)
    expect(second.list()).toEqual([key])
    expect(second.hash().equals(first.hash())).toBe(true)
  })

  it('is not led anywhere else by what is asked of it', async () => {
    writeFileSync(join(root, 'secret.jwt'), 'secret')
    const opened = await open({ deletes: 'remove' })
    const { jwt } = account()
    for (const key of [
      '../secret',
      '',
      '.',
      '/etc/passwd',
      'B'.repeat(56),
      publicKey(createUser()),
      `${publicKey(operator)}`,
    ]) {
      expect(await opened.lookup(key)).toBeUndefined()
      expect(await opened.store(key, jwt)).toEqual({ invalid: 'invalid public key' })
      expect(await opened.delete(key)).toEqual({ invalid: 'invalid public key' })
    }
    expect(readdirSync(directory)).toEqual([])
    expect(existsSync(join(root, 'secret.jwt'))).toBe(true)
  })

  it('leaves files alone that are no accounts', async () => {
    mkdirSync(directory)
    writeFileSync(join(directory, 'readme.jwt'), 'x')
    writeFileSync(join(directory, `${account().key}.jwt.0123`), 'half')
    const { key } = account()
    mkdirSync(join(directory, `${key}.jwt`))
    const opened = await open()
    expect([opened.size, await opened.lookup(key)]).toEqual([0, undefined])
    expect(readdirSync(directory).length).toBe(3)
  })

  it('leaves no half-written file when it cannot write', async () => {
    const opened = await open()
    const { key, jwt } = account()
    mkdirSync(join(directory, `${key}.jwt`))
    expect(isInvalid((await opened.store(key, jwt)) ?? {})).toBe(true)
    expect(readdirSync(directory)).toEqual([`${key}.jwt`])
    expect(await opened.store(account().key, '')).toEqual({ invalid: 'invalid JWT' })
  })

  it('cannot be where there is a file', async () => {
    writeFileSync(directory, 'x')
    const all = { directory, type: 'full', limit: 0, ttlMs: 0, deletes: 'no', nowMs: () => nowMs } as const
    expect(isInvalid(await AccountDirectory.open(all))).toBe(true)
  })

  it('takes over only what is newer', async () => {
    const opened = await open()
    const { key, jwt, again } = account({ iat: NOW, jti: '1' })
    await opened.store(key, jwt)
    expect(await opened.storeNewer(key, again({ iat: NOW - 10, jti: '0' }))).toBeUndefined()
    expect(await opened.lookup(key)).toBe(jwt)
    const newer = again({ iat: NOW + 10, jti: '2' })
    expect(await opened.storeNewer(key, newer)).toBeUndefined()
    expect(await opened.lookup(key)).toBe(newer)
    expect(isInvalid((await opened.storeNewer(key, account().jwt)) ?? {})).toBe(true)
    expect(isInvalid((await opened.storeNewer(key, 'x')) ?? {})).toBe(true)
  })

  it('is full when it is full, but lets those change that are there', async () => {
    const opened = await open({ limit: 1 })
    const one = account()
    await opened.store(one.key, one.jwt)
    expect(await opened.store(account().key, account().jwt)).toEqual({ invalid: 'jwt store is full' })
    expect(await opened.store(one.key, one.again({ iat: NOW + 1 }))).toBeUndefined()
  })

  it('deletes, renames or refuses, as it was told', async () => {
    const { key, jwt } = account()
    for (const [deletes, left] of [
      ['no', [`${key}.jwt`]],
      ['rename', [`${key}.jwt.deleted`]],
      ['remove', []],
    ] as const) {
      rmSync(directory, { recursive: true, force: true })
      const deleted: string[] = []
      const opened = await open({ deletes, onDelete: (at) => deleted.push(at) })
      await opened.store(key, jwt)
      expect(isInvalid((await opened.delete(key)) ?? {})).toBe(deletes === 'no')
      expect(readdirSync(directory)).toEqual(left)
      expect(deleted).toEqual(deletes === 'no' ? [] : [key])
      expect(opened.size).toBe(deletes === 'no' ? 1 : 0)
      expect(await opened.delete(account().key)).toEqual(
        deletes === 'no' ? { invalid: 'store is not set up to for delete' } : undefined,
      )
    }
  })

  it('removes what has expired', async () => {
    const opened = await open()
    const short = account({ exp: NOW + 10 })
    const long = account()
    await opened.store(short.key, short.jwt)
    await opened.store(long.key, long.jwt)
    await opened.expire()
    expect(opened.size).toBe(2)
    nowMs += 11_000
    expect(await opened.pack()).toEqual([`${long.key}|${long.jwt}`])
    await opened.expire()
    expect(readdirSync(directory)).toEqual([`${long.key}.jwt`])
  })

  it('gives another one all that it has', async () => {
    const from = await open()
    for (const { key, jwt } of [account(), account()]) await from.store(key, jwt)
    const lines = (await from.pack()).join('\n')
    directory = join(root, 'other')
    const to = await open()
    expect(to.hash().equals(from.hash())).toBe(false)
    expect(await to.merge(`${lines}\n`)).toBeUndefined()
    expect(to.hash().equals(from.hash())).toBe(true)
    for (const line of ['x', 'a|b|c', '../x|y', `${account().key}|x`, `${account().key}|${account().jwt}`]) {
      expect(isInvalid((await to.merge(line)) ?? {}), line).toBe(true)
    }
    expect(to.size).toBe(2)
  })
})

describe('a cache', () => {
  it('lets go of what was asked for longest ago', async () => {
    const opened = await open({ type: 'cache', limit: 2 })
    const [one, two, three] = [account(), account(), account()]
    await opened.store(one.key, one.jwt)
    await opened.store(two.key, two.jwt)
    await opened.lookup(one.key)
    await opened.store(three.key, three.jwt)
    expect(opened.list()).toEqual([one.key, three.key])
    expect(await opened.lookup(two.key)).toBeUndefined()
  })

  it('lets go of what nobody asked for', async () => {
    const opened = await open({ type: 'cache', ttlMs: 1000 })
    const [one, two] = [account(), account()]
    await opened.store(one.key, one.jwt)
    await opened.store(two.key, two.jwt)
    nowMs += 900
    await opened.lookup(one.key)
    nowMs += 900
    await opened.expire()
    expect(opened.list()).toEqual([one.key])
  })
})

it('a resolver in memory has what it was given', async () => {
  const { key, jwt } = account()
  const memory = new MemoryResolver({ [key]: jwt })
  expect(await memory.lookup(key)).toBe(jwt)
  expect(await memory.lookup('__proto__')).toBeUndefined()
  await memory.storeNewer('B', 'x')
  expect(await memory.lookup('B')).toBe('x')
})

describe('requests to change the directory', () => {
  const subject = publicKey(operator)
  const plain = { subject, isStrict: false, keys: [subject] }

  it('store accounts that make sense, before their time too', () => {
    const { key, jwt, again } = account()
    expect(checkUpdate(jwt, key, plain)).toMatchObject({ claims: { subject: key } })
    expect(checkUpdate(again({ nbf: NOW + 1000 }), undefined, plain)).toMatchObject({ claims: { subject: key } })
    expect(checkUpdate(jwt, account().key, plain)).toEqual({ invalid: 'subject does not match jwt content' })
    expect(checkUpdate(jwt, key, { ...plain, isStrict: true })).toEqual({
      invalid: 'operator requires issuer to be a signing key',
    })
    const wrong = sign(claims('account', key, operator, { limits: UNLIMITED, exports: [{ type: 'stream' }] }), operator)
    for (const text of [wrong, 'x', '']) expect(isInvalid(checkUpdate(text, key, plain))).toBe(true)
  })

  it('delete accounts if the operator signed, but never the system’s', () => {
    const { key } = account()
    const system = account().key
    const ask = (accounts: unknown, signer = operator, sub = publicKey(signer)) =>
      checkDelete(sign(claims('delete', sub, signer, { accounts }), signer), plain, system)
    expect(ask([key])).toEqual([key])
    expect(ask([key], createOperator())).toEqual({ invalid: 'not trusted' })
    expect(ask([key], operator, key)).toEqual({ invalid: 'not self signed' })
    expect(ask([system])).toEqual({ invalid: 'not allowed to delete system account' })
    for (const accounts of [undefined, null, key, ['x'], [5], [''], { 0: key }]) {
      expect(ask(accounts)).toEqual({ invalid: 'malformed request' })
    }
  })
})
