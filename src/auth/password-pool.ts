// Checks bcrypt hashes on separate threads. One check takes 60 ms or more of processor time, so no event loop may do
// it: the primary owns one pool for the whole server, and shards use it through primary-rpc.ts. One pool, not one per
// shard, bounds a login storm's share of the machine however its connections are distributed.
//
// Equal checks are done once: clients that reconnect together with one user's password share a check, and a right
// password is cached for a minute. Neither helps to guess, because wrong passwords are never cached.

import { createHmac, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { threadEntry } from '../base/program-files.ts'
import type { PasswordVerdict, PasswordVerifier } from './password.ts'

/** Threads, where the machine has the processors: half of it, since what they do is never urgent. */
export const PASSWORD_THREADS_MAX = 8
/** Checks that may wait. A thread works off some 17 a second, so the last of them outlive every login timeout. */
export const PASSWORDS_WAITING_MAX = 1024
export const KNOWN_MS = 60_000
export const KNOWN_MAX = 4096
const IDLE_MS = 10_000

const ENTRY = fileURLToPath(threadEntry('password-main'))

/** What a thread of the pool is asked. */
export interface PasswordTask {
  readonly hash: string
  readonly password: string
}

interface Check extends PasswordTask {
  readonly key: string
  readonly askers: Set<(verdict: PasswordVerdict) => void>
}

export interface PasswordPoolOptions {
  readonly threads?: number
  readonly waitingMax?: number
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs?: () => number
}

export class PasswordPool implements PasswordVerifier {
  readonly threads: number
  private readonly waitingMax: number
  private readonly nowMs: () => number
  private readonly pool: Piscina<PasswordTask, boolean>
  /** Names hash and password together, so that neither is kept. */
  private readonly secret = randomBytes(32)
  /** All unfinished checks, by key; waiting ones come after running ones. */
  private readonly checks = new Map<string, Check>()
  private readonly waiting = new Set<Check>()
  private running = 0
  /** When each right password was found to be so, the oldest first. */
  private readonly known = new Map<string, number>()
  private isClosed = false

  constructor(options: PasswordPoolOptions = {}) {
    this.threads =
      options.threads ?? Math.min(Math.max(Math.floor(availableParallelism() / 2), 1), PASSWORD_THREADS_MAX)
    this.waitingMax = options.waitingMax ?? PASSWORDS_WAITING_MAX
    this.nowMs = options.nowMs ?? (() => performance.now())
    this.pool = new Piscina({ filename: ENTRY, minThreads: 0, maxThreads: this.threads, idleTimeout: IDLE_MS })
  }

  /** Checks that wait for a thread. */
  get waitingCount(): number {
    return this.waiting.size
  }

  verify(hash: string, password: string, gone?: AbortSignal): Promise<PasswordVerdict> {
    const key = createHmac('sha256', this.secret).update(`${hash}\0${password}`).digest('base64')
    if (this.isClosed || gone?.aborted) return Promise.resolve('gone')
    if (this.isKnown(key)) return Promise.resolve('match')
    let check = this.checks.get(key)
    if (check === undefined) {
      if (this.waiting.size >= this.waitingMax) return Promise.resolve('busy')
      check = { key, hash, password, askers: new Set() }
      this.checks.set(key, check)
      this.waiting.add(check)
    }
    const verdict = this.join(check, gone)
    this.startNext()
    return verdict
  }

  /** Returns `gone` to every waiting check and ends the threads. */
  async close(): Promise<void> {
    this.isClosed = true
    this.waiting.clear()
    for (const check of this.checks.values()) this.settle(check, 'gone')
    await this.pool.destroy()
  }

  private join(check: Check, gone: AbortSignal | undefined): Promise<PasswordVerdict> {
    return new Promise((resolve) => {
      const answer = (verdict: PasswordVerdict): void => {
        gone?.removeEventListener('abort', leave)
        resolve(verdict)
      }
      const leave = (): void => {
        check.askers.delete(answer)
        // A check that runs is left to end: stopping it would mean ending its thread.
        if (check.askers.size === 0 && this.waiting.delete(check)) this.checks.delete(check.key)
        resolve('gone')
      }
      check.askers.add(answer)
      gone?.addEventListener('abort', leave, { once: true })
    })
  }

  private startNext(): void {
    for (const check of this.waiting) {
      if (this.running >= this.threads) return
      this.waiting.delete(check)
      this.running++
      const { hash, password } = check
      this.pool.run({ hash, password }).then(
        (isRight) => this.ended(check, isRight ? 'match' : 'mismatch'),
        () => this.ended(check, 'busy'),
      )
    }
  }

  private ended(check: Check, verdict: PasswordVerdict): void {
    this.running--
    if (verdict === 'match') this.remember(check.key)
    this.settle(check, verdict)
    if (!this.isClosed) this.startNext()
  }

  private settle(check: Check, verdict: PasswordVerdict): void {
    this.checks.delete(check.key)
    for (const answer of check.askers) answer(verdict)
    check.askers.clear()
  }

  private isKnown(key: string): boolean {
    const sinceMs = this.known.get(key)
    return sinceMs !== undefined && this.nowMs() - sinceMs <= KNOWN_MS
  }

  private remember(key: string): void {
    const now = this.nowMs()
    this.known.delete(key)
    this.known.set(key, now)
    for (const [oldest, sinceMs] of this.known) {
      if (this.known.size <= KNOWN_MAX && now - sinceMs <= KNOWN_MS) return
      this.known.delete(oldest)
    }
  }
}
