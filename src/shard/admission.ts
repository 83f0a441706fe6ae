// Admission of clients, and the accounts of this shard: made from the options when the shard starts, and again at a
// reload, when every connected client is checked again.

import { isDeepStrictEqual } from 'node:util'
import type { KeyPair } from '@nats-io/nkeys'
import type { Outcome } from '../accounts/accounts.ts'
import type { Authenticator, AuthServices } from '../auth/authenticator.ts'
import type { Callout, CalloutServer, PublishCallout } from '../auth/callout.ts'
import { authenticateRequest } from '../auth/custom.ts'
import { connectedClient, withRules } from '../auth/hooks.ts'
import { AuthFaults, type Identity, isRefusal, type Refusal, refuse } from '../auth/identity.ts'
import { AccountBook } from '../auth/jwt/account-book.ts'
import { standingOf } from '../auth/jwt/standing.ts'
import { isInvalid } from '../auth/jwt/token.ts'
import { type AuthRequest, andThen, type Soon } from '../auth/request.ts'
import { type ServerKey, signerOf } from '../auth/server-key.ts'
import { CALLOUT_SUBJECT } from '../auth/settings.ts'
import { authTimeoutMs, createAuthenticator, operatorOf } from '../auth/setup.ts'
import { NATS_VERSION } from '../base/constants.ts'
import { within } from '../base/deadline.ts'
import { Refusals } from '../base/errors.ts'
import { TurnQueue } from '../base/turn-queue.ts'
import type { Judge } from '../leaf/greeting.ts'
import type { Options } from '../options/options.ts'
import { ServerRequests } from '../services/server-requests.ts'
import type { ShardSetup } from '../threads/messages.ts'
import type { Questions } from '../threads/primary-rpc.ts'
import { JwtAccounts, type TokenChange } from './jwt-accounts.ts'
import type { AdmissionOwner, AdmittedClient } from './owner.ts'

/** A signature is checked in a tenth of a millisecond, and a token has two. */
const REVIEWS_A_TURN = 64

/** Logins with signatures that begin in one turn: each takes up to half a millisecond. */
const LOGINS_A_TURN = 4

const lateRules = refuse('authorizePublish() or authorizeSubscribe() did not answer in time', AuthFaults.timeout)
const lateProgram = refuse('authenticate() did not answer in time', AuthFaults.timeout)

/** The options that determine authentication and permissions. */
function concernsOf(options: Options): unknown[] {
  const { authorization, accounts, mappings, noAuthUser, systemAccount, proxies, tls, websocket } = options
  return [authorization, accounts, mappings, noAuthUser, systemAccount, proxies, tls?.verifyAndMap, websocket]
}

export class Admission {
  authenticator: Authenticator
  private readonly shard: AdmissionOwner
  private readonly questions: Questions
  private readonly services: AuthServices
  /** In operator mode. */
  private readonly jwtAccounts: JwtAccounts | undefined
  /** The embedding program says what clients may do. */
  private readonly asksRules: boolean
  private readonly key: ServerKey
  private readonly requests: ServerRequests
  /** When signatures of logins are checked. */
  private readonly turns = new TurnQueue(LOGINS_A_TURN)
  /** Loaded at the first login that needs it. */
  private callout: Promise<Callout> | undefined
  /** How often authentication changed: an answer to an earlier question is ignored. */
  private epoch = 0

  constructor(shard: AdmissionOwner, questions: Questions, { hooks, key }: Pick<ShardSetup, 'hooks' | 'key'>) {
    this.asksRules = hooks.includes('authorizePublish') || hooks.includes('authorizeSubscribe')
    const asksProgram = hooks.includes('authenticate')
    this.shard = shard
    this.questions = questions
    this.key = key
    this.requests = new ServerRequests(shard)
    this.jwtAccounts = this.createTokenAccounts()
    this.services = {
      passwords: questions,
      accounts: this.jwtAccounts?.book,
      custom: asksProgram ? (request) => within(this.timeoutMs, this.askProgram(request), lateProgram) : undefined,
      needsConnect: hooks.length > 0,
      callout: {
        ask: async (...question) => {
          this.callout ??= this.createCallout()
          return (await this.callout).ask(...question)
        },
      },
    }
    this.configureAccounts()
    this.authenticator = createAuthenticator(shard.options, this.services)
  }

  /** The embedding program's own decision. */
  private askProgram(request: AuthRequest): Promise<Identity | Refusal> {
    return this.questions.ask('custom', { request: authenticateRequest(request) }, request.gone)
  }

  private createTokenAccounts(): JwtAccounts | undefined {
    const { shard } = this
    const operator = operatorOf(shard.options)
    if (operator === undefined || isInvalid(operator)) return undefined // createAuthenticator() throws
    const book = new AccountBook(operator, (key) => this.questions.ask('account', { key }))
    return new JwtAccounts(
      book,
      shard.accounts,
      {
        warn: (text) => shard.log.warn(text),
        bugMet: shard.bugMet,
        configured: (outcome) => this.configured(outcome),
        accountEnded: (account) => this.accountChanged({ before: account, now: account }),
      },
      shard.clock,
    )
  }

  private async createCallout(): Promise<Callout> {
    const { shard, key, authenticator, jwtAccounts } = this
    const [{ Callout }, { createCurve }] = await Promise.all([import('../auth/callout.ts'), import('@nats-io/nkeys')])
    const xkey = withKnownName(createCurve())
    const server = {
      name: shard.identity.serverName,
      host: shard.identity.host,
      version: NATS_VERSION,
      cluster: '',
      tags: shard.options.serverTags,
      key: { getPublicKey: () => key.id, sign: signerOf(key) },
      xkey,
    }
    const accounts = { book: jwtAccounts?.book, configured: authenticator.accounts }
    const publish: PublishCallout = async ({ account, ...message }, gone) => {
      await jwtAccounts?.prepare(account)
      shard.wake()
      return this.requests.ask({ ...message, account: shard.accounts.named(account), subject: CALLOUT_SUBJECT }, gone)
    }
    return new Callout(server, accounts, publish, this.timeoutMs, this.turns)
  }

  /** How long CONNECT may take, in milliseconds. */
  get timeoutMs(): number {
    return authTimeoutMs(this.shard.options)
  }

  /**
   * The identity of a new connection. If signatures are to be checked, it waits for its turn, and costs nothing if it
   * leaves meanwhile.
   */
  identifyInTurn(request: AuthRequest, isGone: () => boolean): Soon<Identity | Refusal> {
    if (!this.authenticator.checksSignatures(request.credentials)) return this.identify(request)
    return this.turns.turn().then(() => (isGone() ? refuse('the client has disconnected') : this.identify(request)))
  }

  /** The identity of a connection, with its account ready for use. Never rejects. */
  identify(request: AuthRequest): Soon<Identity | Refusal> {
    const { epoch } = this
    return andThen(this.authenticator.authenticate(request), (answer) => {
      if (epoch !== this.epoch) return this.identify(request)
      if (isRefusal(answer)) return answer
      const ruled = andThen(this.jwtAccounts?.prepare(answer.account), () => this.authorize(request, answer))
      return andThen(ruled, (final) => (epoch === this.epoch ? final : this.identify(request)))
    })
  }

  /** Lets the embedding program say what a client may do. */
  private authorize(request: AuthRequest, identity: Identity): Soon<Identity | Refusal> {
    if (!this.asksRules) return identity
    const asked = this.questions.ask('rules', { client: connectedClient(request, identity) }, request.gone)
    return within(this.timeoutMs, asked, lateRules).then((hookRules) =>
      isRefusal(hookRules) ? hookRules : withRules({ ...identity, hookRules }),
    )
  }

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────

  /** New options are in force. Resolves when all clients are admitted again, or have gone. */
  async optionsChanged(options: Options, before: Options): Promise<void> {
    const { jwtAccounts, services, shard } = this
    const isSame = isDeepStrictEqual(concernsOf(options), concernsOf(before))
    if (isSame && jwtAccounts === undefined && services.custom === undefined && !this.asksRules) return
    const { authenticator } = this
    this.epoch++
    this.configureAccounts()
    this.authenticator = createAuthenticator(options, services)
    this.callout = undefined
    // A web server is asked for what is not known or has ended, and no reload has to wait for it.
    if (jwtAccounts !== undefined && options.resolver?.type !== 'url') {
      const fetch = (key: string) => this.questions.ask('account', { key })
      const changes = await jwtAccounts.refresh(fetch, options.resolver?.type !== 'memory')
      this.epoch++
      shard.wake()
      for (const change of changes) this.accountChanged(change)
    }
    await this.review(authenticator)
    shard.wake()
    this.recount()
  }

  /** Tokens of these accounts were pushed or deleted: their clients go by what they say now. */
  async claimsChanged(accounts: readonly string[]): Promise<void> {
    const { jwtAccounts, shard } = this
    if (jwtAccounts === undefined) return
    const fetch = (key: string) => this.questions.ask('account', { key })
    const changes = await jwtAccounts.pushed(fetch, accounts)
    shard.wake()
    for (const change of changes) this.accountChanged(change)
    this.recount()
  }

  /** Checks every client again; messages go on in between, as signatures take their time. */
  private async review(before: Authenticator): Promise<void> {
    const { shard } = this
    const reviews: Promise<void>[] = []
    for (const [i, client] of [...shard.clients.values()].entries()) {
      client.attempt(() => {
        const review = client.login.review(before)
        if (review instanceof Promise) reviews.push(review.catch((error) => client.failed(error)))
      })
      if ((i + 1) % REVIEWS_A_TURN !== 0) continue
      await new Promise(setImmediate)
      shard.wake()
    }
    await Promise.all(reviews)
  }

  private configureAccounts(): void {
    const { accounts, mappings } = this.shard.options
    if (this.jwtAccounts === undefined) this.configured(this.shard.accounts.configureAll(accounts, mappings))
  }

  /** Accounts have been configured: subscriptions and plans follow changed imports. */
  private configured({ wrong, changed }: Outcome): void {
    const { shard } = this
    for (const text of wrong) shard.log.warn(text)
    if (changed.size === 0) return
    for (const client of shard.clients.values()) {
      if (client.closing || !changed.has(client.account)) continue
      for (const subscription of client.subscriptions.values()) {
        if (!shard.sublist.reimport(subscription)) client.refuse(Refusals.subscriptions)
      }
    }
    shard.generations.advanceAll()
    shard.links.importsChanged(changed)
  }

  /** The token of an account is another one, or has ended: its clients and links go by what it says now. */
  private accountChanged({ before, now }: TokenChange): void {
    const { shard } = this
    shard.wakeBehindRings()
    this.epoch++
    const account = before.claims.subject
    const judge: Judge = (who) => {
      const standing = standingOf(who, before, now, shard.clock.dateMs)
      return 'reason' in standing && now === undefined ? AuthFaults.violation : standing
    }
    for (const client of this.clientsOf(account)) {
      const { identity } = client.login
      if (identity === undefined) continue
      const standing = judge(identity)
      if ('reason' in standing) client.close(standing)
      else client.login.stay(withRules({ ...identity, ...standing }))
    }
    shard.links.accountChanged(account, judge)
  }

  /** The shard's clock was put forward. */
  clockAdvanced(): void {
    this.jwtAccounts?.ended()
  }

  /** Connections beyond the limit are closed, the latest ones first. */
  private recount(): void {
    const clients = [...this.shard.clients.values()]
    for (const { operations } of clients) operations.recount()
    for (const { operations } of clients.reverse()) operations.closeIfExcess()
  }

  /**
   * Why there is no account of this name (in operator mode its public key); undefined: there is, and it does what its
   * token says. Never rejects.
   */
  whyNoAccount(name: string): Soon<string | undefined> {
    const { jwtAccounts, shard } = this
    if (jwtAccounts === undefined) return undefined
    return andThen(jwtAccounts.book.lookup(name, shard.clock.dateMs), (found) =>
      isInvalid(found) ? found.invalid : andThen(jwtAccounts.prepare(name), () => undefined),
    )
  }

  /** Sees to it that an account without clients here does what its token says. Never rejects. */
  learn(account: string): Soon<void> {
    return this.jwtAccounts?.learn(account)
  }

  /** The display name of an account (name: in operator mode its public key). */
  accountTag(name: string): string {
    return this.jwtAccounts?.book.get(name)?.claims.name || name
  }

  /** The token of an account; empty: it has none, or no client of it has been here. */
  accountToken(name: string): string {
    return this.jwtAccounts?.book.get(name)?.jwt ?? ''
  }

  private clientsOf(account: string): AdmittedClient[] {
    return [...this.shard.clients.values()].filter((client) => !client.closing && client.account.name === account)
  }

  close(): void {
    this.jwtAccounts?.close()
  }
}

/** The public key of a curve key pair is computed again at each access, which takes milliseconds. */
function withKnownName(key: KeyPair): CalloutServer['xkey'] {
  const name = key.getPublicKey()
  return {
    getPublicKey: () => name,
    seal: (bytes, recipient, nonce) => key.seal(bytes, recipient, nonce),
    open: (bytes, sender) => key.open(bytes, sender),
  }
}
