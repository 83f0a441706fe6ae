// Requests of a shard to the primary: work that one thread does for all shards, mostly during logins. Two messages
// cross a port, a request and its answer, and a third withdraws a request.
//
//     shard                                    primary
//     Questions.ask() ── { ask, id, … } ─────▶ QuestionDesk.receive() ── works on it
//     Questions.receive() ◀─ { answer, id } ── reply()
//     client has gone ── { withdraw, id } ───▶ whoever works on it is told so

import type { AuthenticateRequest } from '../auth/custom.ts'
import type { ConnectedClient } from '../auth/hooks.ts'
import type { HookRules, Identity, Refusal } from '../auth/identity.ts'
import type { PasswordVerdict, PasswordVerifier } from '../auth/password.ts'
import { attempt, type OnBug } from '../base/guarded.ts'
import type { StreamAnswer, StreamQuestion } from '../jetstream/contract.ts'
import { apiError } from '../jetstream/errors.ts'
import type { LeafEvent, LeafVerdict } from '../leaf/contract.ts'
import type { OcspPeerOptions } from '../options/shapes.ts'
import type { RouteEvent, RouteVerdict } from '../routes/contract.ts'
import type { SystemAnswer, SystemRequest } from '../system/contract.ts'
import type { CheckPeer } from '../tls/ocsp/peers.ts'

/** Kinds of questions, and what each is answered with. */
export interface QuestionKinds {
  /** A bcrypt hash to be checked. */
  readonly password: { ask: { hash: string; password: string }; answer: PasswordVerdict }
  /** The token of an account. */
  readonly account: { ask: { key: string }; answer: string | undefined }
  /** Whether a client's certificates are still good. */
  readonly certificate: {
    ask: { chain: readonly Uint8Array[]; options: OcspPeerOptions }
    answer: boolean
  }
  /** The embedding program's function. */
  readonly custom: { ask: { request: AuthenticateRequest }; answer: Identity | Refusal }
  /** What a client may do, by the embedding program. */
  readonly rules: { ask: { client: ConnectedClient }; answer: HookRules | Refusal }
  /** A request to the server itself; undefined: it is not answered. */
  readonly system: { ask: { request: SystemRequest }; answer: SystemAnswer | undefined }
  /** What a leaf link has to tell; undefined: nothing is answered, or there is nothing against it. */
  readonly leaf: { ask: { event: LeafEvent }; answer: LeafVerdict | undefined }
  /** What a route has to tell; undefined: nothing is answered. */
  readonly route: { ask: { event: RouteEvent }; answer: RouteVerdict | undefined }
  /** The list of all streams. */
  readonly streams: { ask: { question: StreamQuestion }; answer: StreamAnswer }
}
type Kind = keyof QuestionKinds

/** Shard → primary. */
export type QuestionMessage =
  | {
      [K in Kind]: {
        readonly kind: 'ask'
        readonly id: number
        readonly about: K
        readonly question: QuestionKinds[K]['ask']
      }
    }[Kind]
  | { readonly kind: 'withdraw'; readonly id: number }

/** Primary → shard. */
export interface AnswerMessage {
  readonly kind: 'answer'
  readonly id: number
  readonly answer: QuestionKinds[Kind]['answer']
}

/** The answers where none comes: each a refusal. */
const NO_ANSWERS: { readonly [K in Kind]: QuestionKinds[K]['answer'] } = {
  password: 'gone',
  account: undefined,
  certificate: false,
  custom: { fault: { text: 'Authorization Violation', reason: 'Authentication Failure' }, cause: 'nobody answered' },
  rules: { fault: { text: 'Authorization Violation', reason: 'Authentication Failure' }, cause: 'nobody answered' },
  system: undefined,
  leaf: undefined,
  route: undefined,
  streams: { error: apiError(10008) },
}

/** The shard's side: questions that wait for their answers. */
export class Questions implements PasswordVerifier {
  private readonly post: (message: QuestionMessage) => void
  private readonly waiting = new Map<number, (answer: AnswerMessage['answer']) => void>()
  private nextId = 1

  constructor(post: (message: QuestionMessage) => void) {
    this.post = post
  }

  /** The answer, or one that refuses if the client has gone. Never rejects. */
  ask<K extends Kind>(
    about: K,
    question: QuestionKinds[K]['ask'],
    gone?: AbortSignal,
  ): Promise<QuestionKinds[K]['answer']> {
    if (gone?.aborted) return Promise.resolve(NO_ANSWERS[about])
    const id = this.nextId++
    return new Promise((resolve) => {
      const withdraw = (): void => {
        this.waiting.delete(id)
        this.post({ kind: 'withdraw', id })
        resolve(NO_ANSWERS[about])
      }
      gone?.addEventListener('abort', withdraw, { once: true })
      this.waiting.set(id, (answer) => {
        gone?.removeEventListener('abort', withdraw)
        resolve(answer as QuestionKinds[K]['answer'])
      })
      this.post({ kind: 'ask', id, about, question } as QuestionMessage)
    })
  }

  verify(hash: string, password: string, gone?: AbortSignal): Promise<PasswordVerdict> {
    return this.ask('password', { hash, password }, gone)
  }

  readonly checkPeer: CheckPeer = (chain, options) => this.ask('certificate', { chain, options })

  receive({ id, answer }: AnswerMessage): void {
    const settle = this.waiting.get(id)
    this.waiting.delete(id)
    settle?.(answer)
  }
}

/** The responders on the primary; a rejection is a bug, and refuses. */
export type Answerers = {
  readonly [K in Kind]: (question: QuestionKinds[K]['ask'], gone: AbortSignal) => Promise<QuestionKinds[K]['answer']>
}

/** The primary's side, one for each shard. */
export class QuestionDesk {
  private readonly answerers: Answerers
  private readonly reply: (message: AnswerMessage) => void
  private readonly onBug: OnBug
  private readonly underway = new Map<number, AbortController>()

  constructor(answerers: Answerers, reply: (message: AnswerMessage) => void, onBug: OnBug) {
    this.answerers = answerers
    this.reply = reply
    this.onBug = onBug
  }

  receive(message: QuestionMessage): void {
    if (message.kind === 'withdraw') {
      this.underway.get(message.id)?.abort()
      this.underway.delete(message.id)
      return
    }
    const { id } = message
    const gone = new AbortController()
    this.underway.set(id, gone)
    const settle = (answer: AnswerMessage['answer']): void => {
      if (this.underway.delete(id)) this.reply({ kind: 'answer', id, answer })
    }
    const failed = (error: unknown): void => {
      this.onBug(error)
      settle(NO_ANSWERS[message.about])
    }
    attempt(failed, () => this.answer(message, gone.signal).then(settle))
  }

  /** The shard has died: its answers are not awaited any more. */
  close(): void {
    for (const gone of this.underway.values()) gone.abort()
    this.underway.clear()
  }

  private answer(
    message: Exclude<QuestionMessage, { kind: 'withdraw' }>,
    gone: AbortSignal,
  ): Promise<AnswerMessage['answer']> {
    switch (message.about) {
      case 'password':
        return this.answerers.password(message.question, gone)
      case 'account':
        return this.answerers.account(message.question, gone)
      case 'certificate':
        return this.answerers.certificate(message.question, gone)
      case 'custom':
        return this.answerers.custom(message.question, gone)
      case 'rules':
        return this.answerers.rules(message.question, gone)
      case 'system':
        return this.answerers.system(message.question, gone)
      case 'leaf':
        return this.answerers.leaf(message.question, gone)
      case 'route':
        return this.answerers.route(message.question, gone)
      case 'streams':
        return this.answerers.streams(message.question, gone)
    }
  }
}
