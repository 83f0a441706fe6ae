// What a consumer sends: messages under the subject that they were stored with, and its own status messages. It sends
// with credit: where a receiver or a ring has fallen behind, it says so, and calls back when there is room again.

import type { Account } from '../../accounts/account.ts'
import { composeRaw, type RawMessage } from '../../protocol/compose.ts'
import type { Plan } from '../../routing/plan.ts'
import type { CreditPublisher } from '../../routing/server-publisher.ts'
import type { JetStreamOwner } from '../owner.ts'

const NOTHING = Buffer.alloc(0)

/** Where messages go, and what the router has found out about it. */
export interface Destination {
  /** Byte string. */
  readonly subject: string
  memo: object | undefined
}

export const destination = (subject: string): Destination => ({ subject, memo: undefined })

export class Outlet {
  private readonly owner: JetStreamOwner
  private readonly account: Account
  private readonly publisher: CreditPublisher

  constructor(owner: JetStreamOwner, account: Account) {
    this.owner = owner
    this.account = account
    this.publisher = owner.creditPublishers.add()
  }

  /** Somebody has fallen behind: nothing more should be sent for now. */
  get congested(): boolean {
    return this.publisher.congested
  }

  whenRelieved(callback: () => void): void {
    this.publisher.whenRelieved(callback)
  }

  /** Sends a stored message. Byte strings. Returns how many deliveries that led to. */
  send(to: Destination, subject: string, reply: string, header: Uint8Array, payload: Uint8Array): number {
    return this.publish(to, { subject: to.subject, shown: subject, reply, header, payload, isImported: false })
  }

  /** Sends a status, with headers in lines of their own. Returns how many deliveries that led to. */
  status(to: Destination, status: string, headers = '', reply = ''): number {
    const header = `NATS/1.0 ${status}\r\n${headers}\r\n`
    return this.publish(to, { subject: to.subject, reply, header, payload: NOTHING, isImported: false })
  }

  private publish(to: Destination, message: RawMessage): number {
    const { owner } = this
    let sent = 0
    composeRaw(owner.pool, message, (run) => {
      run.memo = to.memo
      // While another message is under way, which may have come by the import that this one takes.
      owner.serviceCalls.apart(() => {
        sent = owner.router.dispatch(run, this.account, this.publisher)
      })
      to.memo = run.memo
    })
    owner.schedule()
    return sent
  }

  /** Whether somebody would have a message; `queue`: in this queue group, if it is not empty. Byte strings. */
  hasInterest(to: Destination, queue = ''): boolean {
    const { owner } = this
    const message = { subject: to.subject, reply: '', header: '', payload: NOTHING, isImported: false }
    let plan = to.memo as Plan | undefined
    composeRaw(owner.pool, message, (run) => {
      run.memo = to.memo
      plan = owner.router.planner.planOf(run, this.account)
      to.memo = plan
    })
    if (plan === undefined || plan.isEmpty) return false
    return queue === '' || plan.findQueue(queue) !== undefined
  }

  close(): void {
    this.owner.creditPublishers.remove(this.publisher)
  }
}
