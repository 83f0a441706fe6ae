// What streams publish in an account: answers, acknowledgements, copies and events.

import type { Account } from '../accounts/account.ts'
import { composeRaw } from '../protocol/compose.ts'
import type { Run } from '../protocol/run.ts'
import { SERVER } from '../routing/server-publisher.ts'
import type { JetStreamOwner } from './owner.ts'

const NO_HEADERS = Buffer.alloc(0)

export class Sender {
  readonly account: Account
  private readonly owner: Pick<JetStreamOwner, 'pool' | 'router' | 'serviceCalls' | 'schedule'>

  constructor(owner: Pick<JetStreamOwner, 'pool' | 'router' | 'serviceCalls' | 'schedule'>, account: Account) {
    this.owner = owner
    this.account = account
  }

  /** `subject`, `reply`: byte strings; `headers`: a block, or empty. Returns how many deliveries that led to. */
  send(subject: string, payload: string | Uint8Array, headers: Buffer = NO_HEADERS, reply = ''): number {
    const { owner } = this
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const message = { subject, reply, header: headers.toString('latin1'), payload: bytes, isImported: false }
    let sent = 0
    this.apart(() => {
      composeRaw(owner.pool, message, (run) => {
        sent = this.dispatch(run)
      })
    })
    return sent
  }

  /** Whether somebody would have a message on a subject (byte string). */
  isHeard(subject: string): boolean {
    const { pool, router } = this.owner
    let isEmpty = true
    composeRaw(pool, { subject, reply: '', header: '', payload: NO_HEADERS, isImported: false }, (run) => {
      isEmpty = router.planner.planOf(run, this.account).isEmpty
    })
    return !isEmpty
  }

  /** `work` dispatches: while another message is under way, which may have come by the import that these take. */
  apart(work: () => void): void {
    this.owner.serviceCalls.apart(work)
    this.owner.schedule()
  }

  /** The same for a subject that is likely to be published once. */
  answer(run: Run): void {
    const { router } = this.owner
    router.dispatch(run, this.account, SERVER, router.planner.planOnce(run, this.account))
  }

  /** Within apart(). The run may be used again afterwards. Returns how many deliveries that led to. */
  dispatch(run: Run): number {
    return this.owner.router.dispatch(run, this.account, SERVER)
  }
}
