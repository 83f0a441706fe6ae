// The accounts of operator mode on this shard: their tokens are compiled into accounts like those of a configuration,
// at the first login to them, and again when a token changes or an activation or an account expires.
//
//     user's token ─▶ AccountBook: is its account to be trusted? ─▶ prepare(): limits, mappings, imports, exporters
//
// An account depends on those whose exports it imports, and they on others, because a service may use another one. So
// all of them are looked up, whether or not they have clients here.

import { type Accounts, Outcome } from '../accounts/accounts.ts'
import { termsOf } from '../accounts/imports.ts'
import type { VerifiedAccount } from '../auth/jwt/account.ts'
import { type AccountBook, isExpired } from '../auth/jwt/account-book.ts'
import { accountOptions, type TokenAccountOptions, type TokenImportOptions } from '../auth/jwt/account-options.ts'
import { activatedUntilMs } from '../auth/jwt/activation.ts'
import { isInvalid } from '../auth/jwt/token.ts'
import type { Soon } from '../auth/request.ts'
import { TIMER_MAX_MS } from '../base/constants.ts'
import { guarded, type OnBug } from '../base/guarded.ts'
import type { LoopClock } from '../base/loop-clock.ts'

interface Served {
  readonly verified: VerifiedAccount
  readonly settings: TokenAccountOptions
  /** When the first of its activations ends; Infinity: never. */
  activatedUntilMs: number
}

/** News about accounts, and the accounts concerned. */
export interface TokenAccountsObserver {
  /** Something is wrong with a token, for the log. */
  warn(text: string): void
  readonly bugMet: OnBug
  /** An account ended: its clients have to go. */
  accountEnded(account: VerifiedAccount): void
  /** Tokens were taken over. */
  configured(outcome: Outcome): void
}

/** A token that is not the one it was; `now` undefined: the account is gone. */
export interface TokenChange {
  readonly before: VerifiedAccount
  readonly now: VerifiedAccount | undefined
}

type FetchLater = (key: string) => Promise<string | undefined>

export class JwtAccounts {
  readonly book: AccountBook
  private readonly accounts: Accounts
  private readonly observer: TokenAccountsObserver
  private readonly clock: Pick<LoopClock, 'dateMs'>
  /** By public key. */
  private readonly served = new Map<string, Served>()
  private timer: NodeJS.Timeout | undefined

  constructor(
    book: AccountBook,
    accounts: Accounts,
    observer: TokenAccountsObserver,
    clock: Pick<LoopClock, 'dateMs'>,
  ) {
    this.book = book
    this.accounts = accounts
    this.observer = observer
    this.clock = clock
  }

  /** Sees to it that the account does what its token says. */
  prepare(key: string): Soon<void> {
    const verified = this.book.get(key)
    if (verified === undefined || this.served.get(key)?.verified === verified) return
    return this.take(key)
  }

  /** The same for an account to which nobody has logged in here. */
  learn(key: string): Soon<void> {
    if (!this.served.has(key)) return this.take(key)
  }

  /**
   * Requests the tokens of all accounts again. An account without one keeps its token if `isLasting`, and is removed if
   * not. Returns the changed accounts.
   */
  async refresh(fetch: FetchLater, isLasting: boolean): Promise<TokenChange[]> {
    const changes: TokenChange[] = []
    for (const [key, { verified: before }] of [...this.served]) {
      const jwt = await fetch(key)
      if (jwt === before.jwt || (jwt === undefined && isLasting)) continue
      const now = jwt === undefined ? undefined : this.book.update(key, jwt, this.clock.dateMs)
      changes.push(await this.change(before, now === undefined || isInvalid(now) ? undefined : now))
      const why = now === undefined ? 'removed' : 'invalid' in now ? now.invalid : ''
      if (why !== '') this.observer.warn(`Reloaded: deleting account [${why}]: "${key}"`)
    }
    if (changes.length > 0) this.compile([...this.served.keys()])
    return changes
  }

  /**
   * Tokens of these accounts were pushed or deleted. An untrusted one changes nothing. Returns the changed accounts.
   */
  async pushed(fetch: FetchLater, keys: readonly string[]): Promise<TokenChange[]> {
    const changes: TokenChange[] = []
    for (const key of keys) {
      const before = this.served.get(key)?.verified
      if (before === undefined) continue
      const jwt = await fetch(key)
      if (jwt === before.jwt) continue
      const now = jwt === undefined ? undefined : this.book.update(key, jwt, this.clock.dateMs)
      if (now !== undefined && isInvalid(now)) this.observer.warn(`Account "${key}" keeps its token: ${now.invalid}`)
      else changes.push(await this.change(before, now))
    }
    if (changes.length > 0) this.compile([...this.served.keys()])
    return changes
  }

  private async change(before: VerifiedAccount, now: VerifiedAccount | undefined): Promise<TokenChange> {
    const key = before.claims.subject
    if (now === undefined) this.remove(key)
    else await this.take(key)
    return { before, now }
  }

  /** No timer of it runs any more. */
  close(): void {
    clearTimeout(this.timer)
  }

  private remove(key: string): void {
    this.book.remove(key)
    this.served.delete(key)
  }

  private async take(key: string): Promise<void> {
    const found = new Set<string>()
    await this.gather(key, found)
    this.compile([...found])
  }

  /** Applies the token of an account, and of the accounts that it depends on. */
  private async gather(key: string, found: Set<string>): Promise<void> {
    if (found.has(key)) return
    const verified = await this.book.lookup(key, this.clock.dateMs)
    if (isInvalid(verified)) return // what it exports is not to be had
    found.add(key)
    if (this.served.get(key)?.verified !== verified) {
      const settings = accountOptions(verified)
      this.served.set(key, { verified, settings, activatedUntilMs: Number.POSITIVE_INFINITY })
    }
    for (const { account } of verified.imports) await this.gather(account, found)
  }

  private compile(keys: readonly string[]): void {
    const outcome = new Outcome()
    const nowMs = this.clock.dateMs
    for (const key of keys) {
      const account = this.served.get(key)
      if (account === undefined) continue
      const imports = this.activated(account, nowMs, outcome)
      this.accounts.configure({ ...account.settings, imports }, (name) => this.served.get(name)?.settings, outcome)
    }
    this.observer.configured(outcome)
    this.plan()
  }

  /** The imports, except those without the needed activation of the exporter. */
  private activated(importer: Served, nowMs: number, { wrong }: Outcome): TokenImportOptions[] {
    const { name, imports } = importer.settings
    importer.activatedUntilMs = Number.POSITIVE_INFINITY
    return imports.filter((item) => {
      const exporter = this.served.get(item.account)
      const terms = exporter && termsOf(exporter.settings, item, name)
      if (exporter === undefined || terms === undefined || !terms.tokenRequired) return true // judged like any import
      const untilMs = activatedUntilMs(item.source, name, exporter.verified, terms.revocations, nowMs)
      if (typeof untilMs === 'number') {
        importer.activatedUntilMs = Math.min(importer.activatedUntilMs, untilMs)
        return true
      }
      wrong.push(`account "${name}": ${item.kind} import of "${item.subject}": ${untilMs.invalid}`)
      return false
    })
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Sets the timer to the next end of an account or an activation. */
  private plan(): void {
    clearTimeout(this.timer)
    const nowMs = this.clock.dateMs
    let next = Number.POSITIVE_INFINITY
    for (const { verified, activatedUntilMs } of this.served.values()) {
      for (const end of [verified.claims.expires * 1000, activatedUntilMs]) if (end > nowMs) next = Math.min(next, end)
    }
    if (next === Number.POSITIVE_INFINITY) return
    this.timer = setTimeout(
      guarded(this.observer.bugMet, () => this.ended()),
      Math.min(next - nowMs, TIMER_MAX_MS),
    )
  }

  /** What has ended by now takes effect. */
  ended(): void {
    const nowMs = this.clock.dateMs
    const lapsed: string[] = []
    for (const [key, { verified, activatedUntilMs }] of this.served) {
      if (isExpired(verified, nowMs)) this.observer.accountEnded(verified)
      if (activatedUntilMs <= nowMs) lapsed.push(key)
    }
    if (lapsed.length > 0) this.compile(lapsed)
    else this.plan()
  }
}
