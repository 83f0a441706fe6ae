import { readdirSync, readFileSync } from 'node:fs'
import { hashSync } from 'bcryptjs'
import { afterEach, describe, expect, it } from 'vitest'
import { checkBcrypt } from '../../src/auth/bcrypt.ts'
import { comparePassword, equalsPlain, isBcrypt, type PasswordVerifier } from '../../src/auth/password.ts'
import { KNOWN_MS, PasswordPool, type PasswordPoolOptions } from '../../src/auth/password-pool.ts'

const variant = (hash: string, letter: string) => `$2${letter}$${hash.slice(4)}`
const SECRET = hashSync('secret', 4)

describe('bcrypt', () => {
  it('is told from plain text by its beginning', () => {
    for (const letter of ['a', 'b', 'x', 'y']) expect(isBcrypt(variant(SECRET, letter))).toBe(true)
    for (const text of ['secret', '', '$2a$', '$2a$1$', '$2c$10$', '$1$10$', ' $2a$10$', 'x$2a$10$', '$2a$1x$abc']) {
      expect(isBcrypt(text), text).toBe(false)
    }
    expect(isBcrypt('$2a$11$')).toBe(true)
  })

  it('knows all variants', () => {
    for (const letter of ['a', 'b', 'x', 'y']) {
      expect(checkBcrypt(variant(SECRET, letter), 'secret')).toBe(true)
      expect(checkBcrypt(variant(SECRET, letter), 'secre')).toBe(false)
    }
  })

  it('agrees with known hashes of other programs', () => {
    // From the test vectors of OpenBSD and of crypt_blowfish.
    const vectors: [string, string][] = [
      ['a', '$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe'],
      ['abc', '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
      ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ]
    expect(vectors.map(([password, hash]) => checkBcrypt(hash, password))).toEqual([true, true, true])
  })

  it('looks at 72 bytes', () => {
    const hash = hashSync('x'.repeat(72), 4)
    expect(checkBcrypt(hash, 'x'.repeat(5000))).toBe(true)
    expect(checkBcrypt(hash, 'x'.repeat(71))).toBe(false)
  })

  it('never throws on what is no hash', () => {
    for (let length = 0; length < SECRET.length; length++) {
      expect(checkBcrypt(SECRET.slice(0, length), 'secret'), SECRET.slice(0, length)).toBe(false)
    }
    const others = [`${SECRET}x`, '$2a$99$', `$2a$03${SECRET.slice(6)}`, `$2a$xx${SECRET.slice(6)}`, '\0'.repeat(60)]
    for (const hash of others) expect(checkBcrypt(hash, 'secret'), hash).toBe(false)
  })
})

describe('plain passwords', () => {
  const verifier: PasswordVerifier = { verify: async (_, password) => (password === 'hashed' ? 'match' : 'mismatch') }

  it('are equal or not, whatever they are made of', () => {
    expect(equalsPlain('a', 'a')).toBe(true)
    expect(equalsPlain('', '')).toBe(true)
    for (const [one, other] of [
      ['a', 'b'],
      ['a', 'aa'],
      ['', 'a'],
      ['ä', 'a\u0308'],
      ['a', 'a\0'],
    ]) {
      expect(equalsPlain(one, other)).toBe(false)
    }
  })

  it('are compared at once, hashes by the verifier', async () => {
    expect(comparePassword('a', 'a', verifier, {})).toBe('match')
    expect(comparePassword('a', 'b', verifier, {})).toBe('mismatch')
    expect(await comparePassword(SECRET, 'hashed', verifier, {})).toBe('match')
    expect(comparePassword('hashed', SECRET, verifier, {})).toBe('mismatch')
  })

  it('that is compared at once needs no signal that the client has left', () => {
    const request = {
      get gone(): AbortSignal {
        throw new Error('made for nothing')
      },
    }
    expect(comparePassword('a', 'a', verifier, request)).toBe('match')
    expect(comparePassword('a', 'b', verifier, request)).toBe('mismatch')
    expect(() => comparePassword(SECRET, 'a', verifier, request)).toThrow('made for nothing')
  })
})

describe('the pool', () => {
  const pools: PasswordPool[] = []
  const start = (options: PasswordPoolOptions = {}): PasswordPool => {
    const pool = new PasswordPool(options)
    pools.push(pool)
    return pool
  }
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.close()
  })

  it('tells right from wrong', async () => {
    const pool = start()
    expect(await pool.verify(SECRET, 'secret')).toBe('match')
    expect(await pool.verify(SECRET, 'other')).toBe('mismatch')
    expect(await pool.verify('$2a$04$broken', 'other')).toBe('mismatch')
    expect(await pool.verify(SECRET, 'other')).toBe('mismatch')
  })

  it('shares the check of those who ask the same, and knows the answer for a while', async () => {
    let now = 0
    const pool = start({ threads: 1, nowMs: () => now })
    const hash = hashSync('secret', 8)
    const storm = Array.from({ length: 1000 }, () => pool.verify(hash, 'secret'))
    expect(pool.waitingCount).toBe(0)
    expect(new Set(await Promise.all(storm))).toEqual(new Set(['match']))
    const wrong = pool.verify(hash, 'wrong')
    expect(await pool.verify(hash, 'secret')).toBe('match')
    now += KNOWN_MS + 1
    const again = pool.verify(hash, 'secret')
    expect(pool.waitingCount).toBe(1)
    expect(await Promise.all([wrong, again])).toEqual(['mismatch', 'match'])
  })

  it('keeps a bounded queue', async () => {
    const pool = start({ threads: 1, waitingMax: 3 })
    const asked = Array.from({ length: 6 }, (_, i) => pool.verify(SECRET, `guess ${i}`))
    expect(pool.waitingCount).toBe(3)
    expect(await Promise.all(asked)).toEqual([...Array(4).fill('mismatch'), 'busy', 'busy'])
  })

  it('forgets those who leave', async () => {
    const pool = start({ threads: 1 })
    const gone = new AbortController()
    const first = pool.verify(SECRET, 'secret', gone.signal)
    const waits = pool.verify(SECRET, 'guess', gone.signal)
    const stays = pool.verify(SECRET, 'other')
    const shares = pool.verify(SECRET, 'guess')
    const leaves = pool.verify(SECRET, 'third', gone.signal)
    expect(pool.waitingCount).toBe(3)
    gone.abort()
    expect(pool.waitingCount).toBe(2)
    expect(await Promise.all([first, waits, leaves])).toEqual(['gone', 'gone', 'gone'])
    expect(await pool.verify(SECRET, 'secret', gone.signal)).toBe('gone')
    expect(await Promise.all([stays, shares])).toEqual(['mismatch', 'mismatch'])
  })

  it('answers everybody when it closes', async () => {
    const pool = start({ threads: 1 })
    const asked = [pool.verify(SECRET, 'secret'), pool.verify(SECRET, 'guess')]
    await pool.close()
    expect(await Promise.all(asked)).toEqual(['gone', 'gone'])
    expect(await pool.verify(SECRET, 'secret')).toBe('gone')
  })

  it.skipIf(process.platform !== 'linux')('works at a low priority, and leaves that of others alone', async () => {
    const pool = start({ threads: 1 })
    await pool.verify(SECRET, 'secret')
    const priorities = readdirSync('/proc/self/task').map((task) => {
      const fields = readFileSync(`/proc/self/task/${task}/stat`, 'utf8').split(') ')[1].split(' ')
      return Number(fields[16])
    })
    expect(priorities.filter((nice) => nice === 10).length).toBe(1)
  })
})
