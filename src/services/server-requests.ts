// Requests of the server itself in an account, like those of clients: published with a reply subject, and answered
// there by a subscriber on any shard. Callouts use them (auth/callout.ts).

import { randomBytes } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import { Deadline } from '../base/deadline.ts'
import { composeRun } from '../protocol/compose.ts'
import { type Run, subjectOf } from '../protocol/run.ts'
import { SERVER } from '../routing/server-publisher.ts'
import { InternalSubscription } from '../routing/subscription.ts'
import type { ServicesOwner } from './owner.ts'

/** Where nats-server awaits answers to its own requests, so that permissions made for it fit. */
const PREFIX = '$SYS._INBOX.'
const SHARD_ID_BYTES = 6

export interface ServerRequest {
  readonly account: Account
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
  readonly timeoutMs: number
}

export class ServerRequests {
  private readonly owner: ServicesOwner
  private readonly prefix = `${PREFIX}${randomBytes(SHARD_ID_BYTES).toString('base64url')}.`
  private readonly listening = new Set<Account>()
  /** By reply subject. */
  private readonly waiting = new Map<string, (payload: Uint8Array | undefined) => void>()
  private next = 1

  constructor(owner: ServicesOwner) {
    this.owner = owner
  }

  /** The payload of the first answer; undefined if there is no subscriber, or none comes in time or before `gone`. */
  ask({ account, timeoutMs, ...message }: ServerRequest, gone?: AbortSignal): Promise<Uint8Array | undefined> {
    if (gone?.aborted) return Promise.resolve(undefined)
    const { owner } = this
    if (!this.listen(account)) return Promise.resolve(undefined)
    const reply = `${this.prefix}${(this.next++).toString(36)}`
    return new Promise((resolve) => {
      const deadline = new Deadline()
      const settle = (payload: Uint8Array | undefined): void => {
        deadline.stop()
        gone?.removeEventListener('abort', leave)
        this.waiting.delete(reply)
        resolve(payload)
      }
      const leave = (): void => settle(undefined)
      deadline.start(timeoutMs, leave)
      gone?.addEventListener('abort', leave, { once: true })
      this.waiting.set(reply, settle)
      composeRun(owner.pool, { ...message, reply }, (run) => {
        if (owner.router.dispatch(run, account, SERVER) === 0) leave()
      })
      owner.schedule()
    })
  }

  /** Returns false if the index has no room: then no answer would be heard. */
  private listen(account: Account): boolean {
    if (this.listening.has(account)) return true
    const heard = new InternalSubscription(account, `${this.prefix}*`, (run) => this.answered(run))
    if (!this.owner.sublist.insert(heard)) return false
    this.listening.add(account)
    return true
  }

  private answered(run: Run): void {
    const settle = this.waiting.get(subjectOf(run))
    if (settle === undefined) return
    const { first, headerSize, size } = run
    settle(new Uint8Array(run.block.bytes.subarray(first + headerSize, first + size)))
  }
}
