// Account tokens in a directory, a file each (`resolver` of type `full` or `cache`,
// docs/reference/configuration-blocks.md, "Operators and resolvers").
//
// A file's name is the account's public key and nothing else, checked before any path is made of it
// (docs/reference/reliability.md, "Chosen by the server"): a request can lead to such a file only. A token is written
// to a temporary file, flushed and renamed, and the directory is flushed, so that a crash leaves the old token or the
// new one and never a part of it.
//
// `full` keeps every account and refuses more than its limit; `cache` evicts the least recently requested tokens, and
// those that were not requested during the ttl.

import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeAnyToken, type Invalid, invalid, isInvalid, TOKEN_MAX } from '../jwt/token.ts'
import { isPublicKey } from '../nkey.ts'
import type { AccountResolver } from './resolver.ts'

const EXTENSION = '.jwt'
const DELETED = '.deleted'
const HASH_BYTES = 32
export const CACHE_LIMIT = 1000

export interface DirectoryOptions {
  readonly directory: string
  readonly type: 'full' | 'cache'
  /** Accounts that may be kept; 0: no limit, or CACHE_LIMIT for a cache. */
  readonly limit: number
  /** Milliseconds after which a cache forgets what was not requested; 0: never. */
  readonly ttlMs: number
  /** `no`: deletions are refused; `rename`: the file gets another name; `remove`: it is gone. */
  readonly deletes: 'no' | 'rename' | 'remove'
  /** Wall clock, in milliseconds. */
  readonly nowMs: () => number
  /** A token is new or changed, or is gone. */
  readonly onChange?: (key: string) => void
  readonly onDelete?: (key: string) => void
}

interface Entry {
  /** SHA-256 of the token. */
  readonly hash: Buffer
  /** When it is removed; Infinity: never. */
  expiresMs: number
}

export class AccountDirectory implements AccountResolver {
  private readonly options: DirectoryOptions
  private readonly limit: number
  /** By public key, what was asked for last at the end. */
  private readonly entries = new Map<string, Entry>()
  /** Changes are made one after the other. */
  private last: Promise<unknown> = Promise.resolve()

  private constructor(options: DirectoryOptions) {
    this.options = options
    const { limit, type } = options
    this.limit = limit > 0 ? limit : type === 'cache' ? CACHE_LIMIT : Number.POSITIVE_INFINITY
  }

  /** Makes the directory if it is not there, and takes stock of it. */
  static async open(options: DirectoryOptions): Promise<AccountDirectory | Invalid> {
    const directory = new AccountDirectory(options)
    try {
      await mkdir(options.directory, { recursive: true })
      await directory.takeStock()
      return directory
    } catch (error) {
      return invalid(`resolver directory ${options.directory}: ${reasonOf(error)}`)
    }
  }

  get size(): number {
    return this.entries.size
  }

  /** The keys of all accounts that are there. */
  list(): string[] {
    return [...this.entries.keys()]
  }

  /** One hash of all tokens, the same for directories with the same tokens. */
  hash(): Buffer {
    const all = Buffer.alloc(HASH_BYTES)
    for (const { hash } of this.entries.values()) for (let i = 0; i < HASH_BYTES; i++) all[i] ^= hash[i]
    return all
  }

  async lookup(key: string): Promise<string | undefined> {
    const jwt = await this.read(key)
    const entry = this.entries.get(key)
    if (jwt !== undefined && entry !== undefined) this.touch(key, entry)
    return jwt
  }

  /** Takes a token in, whatever is there. What it says has been checked (checkUpdate). */
  store(key: string, jwt: string): Promise<Invalid | undefined> {
    return this.inTurn(() => this.write(key, jwt))
  }

  storeNewer(key: string, jwt: string): Promise<Invalid | undefined> {
    return this.inTurn(async () => {
      const token = decodeAnyToken(jwt)
      if (isInvalid(token)) return token
      if (token.claims.subject !== key) return invalid('jwt subject nkey and provided nkey do not match')
      const there = decodeAnyToken((await this.read(key)) ?? '')
      if (!isInvalid(there)) {
        const isSame = there.claims.id !== '' && there.claims.id === token.claims.id
        if (isSame || there.claims.issuedAt > token.claims.issuedAt) return undefined
      }
      return this.write(key, jwt)
    })
  }

  delete(key: string): Promise<Invalid | undefined> {
    return this.inTurn(async () => {
      const { deletes, onDelete } = this.options
      const path = this.pathOf(key)
      if (path === undefined) return invalid('invalid public key')
      if (deletes === 'no') return invalid('store is not set up to for delete')
      try {
        if (deletes === 'rename') await rename(path, path + DELETED)
        else await rm(path)
        await this.flush()
      } catch (error) {
        return isMissing(error) ? undefined : invalid(reasonOf(error))
      }
      this.entries.delete(key)
      onDelete?.(key)
      return undefined
    })
  }

  /** All tokens that have not expired, as lines `key|token`, for other servers to merge. */
  async pack(): Promise<string[]> {
    const lines: string[] = []
    for (const key of this.list()) {
      const jwt = await this.read(key)
      const token = decodeAnyToken(jwt ?? '')
      const expires = isInvalid(token) ? 0 : token.claims.expires
      if (jwt !== undefined && !(expires > 0 && expires * 1000 < this.options.nowMs())) lines.push(`${key}|${jwt}`)
    }
    return lines
  }

  /** Takes in the lines that another server packed, where they are newer. Stops at the first that is none. */
  async merge(lines: string): Promise<Invalid | undefined> {
    for (const line of lines.split('\n')) {
      if (line === '') continue
      const [key, jwt, ...more] = line.split('|')
      if (jwt === undefined || more.length > 0) return invalid("line in package didn't contain 2 entries")
      if (!isPublicKey(key, 'account')) return invalid('key to merge is not a valid public account key')
      const refusal = await this.storeNewer(key, jwt)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  /** Removes what has expired. To be called every now and then. */
  expire(): Promise<void> {
    return this.inTurn(async () => {
      const now = this.options.nowMs()
      const expired = [...this.entries].filter(([, { expiresMs }]) => expiresMs <= now).map(([key]) => key)
      for (const key of expired) await this.drop(key)
    })
  }

  // ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────

  private pathOf(key: string): string | undefined {
    return isPublicKey(key, 'account') ? join(this.options.directory, key + EXTENSION) : undefined
  }

  /** Reads what is there, as others may write into the directory. */
  takeStock(): Promise<void> {
    return this.inTurn(() => this.readAll())
  }

  private async readAll(): Promise<void> {
    this.entries.clear()
    for (const name of await readdir(this.options.directory)) {
      const key = name.slice(0, -EXTENSION.length)
      if (!name.endsWith(EXTENSION) || !isPublicKey(key, 'account')) continue
      const jwt = await this.read(key)
      if (jwt !== undefined) this.entries.set(key, this.entryOf(jwt))
    }
  }

  private async read(key: string): Promise<string | undefined> {
    const path = this.pathOf(key)
    if (path === undefined) return undefined
    try {
      if ((await stat(path)).size > TOKEN_MAX) return undefined
      return (await readFile(path, 'utf8')).trim()
    } catch {
      return undefined
    }
  }

  private async write(key: string, jwt: string): Promise<Invalid | undefined> {
    const path = this.pathOf(key)
    if (path === undefined) return invalid('invalid public key')
    if (jwt === '' || jwt.length > TOKEN_MAX) return invalid('invalid JWT')
    const entry = this.entryOf(jwt)
    const there = this.entries.get(key)
    if (there?.hash.equals(entry.hash)) {
      this.touch(key, there)
      return undefined
    }
    if (there === undefined && this.entries.size >= this.limit) {
      if (this.options.type === 'full') return invalid('jwt store is full')
      await this.drop(this.entries.keys().next().value as string)
    }
    const aside = `${path}.${randomBytes(8).toString('hex')}`
    try {
      const file = await open(aside, 'wx', 0o640)
      try {
        await file.writeFile(jwt)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(aside, path)
      await this.flush()
    } catch (error) {
      await rm(aside, { force: true }).catch(() => undefined)
      return invalid(reasonOf(error))
    }
    this.entries.delete(key)
    this.entries.set(key, entry)
    this.options.onChange?.(key)
    return undefined
  }

  /** What was moved in the directory is there after a crash only if the directory itself was flushed. */
  private async flush(): Promise<void> {
    const directory = await open(this.options.directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  /** Lets go of a token that has expired or has to make room; the account is not deleted by that. */
  private async drop(key: string): Promise<void> {
    const path = this.pathOf(key)
    if (path !== undefined) await rm(path, { force: true }).catch(() => undefined)
    this.entries.delete(key)
  }

  // ── Entries ───────────────────────────────────────────────────────────────────────────────────────────────

  private entryOf(jwt: string): Entry {
    const { ttlMs, nowMs } = this.options
    const hash = createHash('sha256').update(jwt).digest()
    if (ttlMs > 0) return { hash, expiresMs: nowMs() + ttlMs }
    const token = decodeAnyToken(jwt)
    const expires = isInvalid(token) ? 0 : token.claims.expires
    return { hash, expiresMs: expires > 0 ? expires * 1000 : Number.POSITIVE_INFINITY }
  }

  private touch(key: string, entry: Entry): void {
    const { ttlMs, nowMs } = this.options
    if (ttlMs > 0) entry.expiresMs = nowMs() + ttlMs
    this.entries.delete(key)
    this.entries.set(key, entry)
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.last.then(change)
    this.last = done.catch(() => undefined)
    return done
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException)?.code ?? ''
const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT'

/** The text of the system; it holds no path and no token. */
const reasonOf = (error: unknown): string => codeOf(error) || 'failed'
