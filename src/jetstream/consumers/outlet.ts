// What a consumer sends: messages under the subject that they were stored with, and its own status messages. It sends
// with credit: where a receiver or a ring has fallen behind, it says so, and calls back when there is room again.

import type { Account } from '../../accounts/account.ts'
import { BY_REFERENCE_MIN } from '../../base/constants.ts'
import { allocateBlock, type Block, copyBytes, writeText } from '../../memory/block.ts'
import { composeRaw } from '../../protocol/compose.ts'
import { Run } from '../../protocol/run.ts'
import type { Plan } from '../../routing/plan.ts'
import type { CreditPublisher } from '../../routing/server-publisher.ts'
import type { JetStreamOwner } from '../owner.ts'
import type { Outgoing } from './outgoing.ts'

const NOTHING = Buffer.alloc(0)
const SPACE = 32
const CRLF = '\r\n'
const ROOM_BYTES = 4096

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
  /** The run of the message that is being sent. */
  private readonly run = new Run()
  /** Where small messages of all are composed, one after the other: receivers copy them. */
  private static room = allocateBlock(ROOM_BYTES)

  private static roomFor(size: number): Block {
    if (Outlet.room.capacity < size) Outlet.room = allocateBlock(size * 2)
    return Outlet.room
  }

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

  /** Sends a stored message, while no other one is under way. Returns how many deliveries that led to. */
  send(to: Destination, outgoing: Outgoing): number {
    const { hasPayload, headers, message } = outgoing
    if (headers === undefined && hasPayload && this.sendStraight(to, outgoing)) return 1
    const { block: from, subjectStart, headersStart, payloadStart, end } = message
    const { run } = this
    const { pool } = this.owner
    run.shownLength = headersStart - subjectStart
    run.headerSize = headers === undefined ? payloadStart - headersStart : headers.length
    run.size = run.headerSize + (hasPayload ? end - payloadStart : 0)
    const room = to.subject.length + run.shownLength + outgoing.replyMax + 2 + run.size + CRLF.length
    // A large one goes by reference to where it is composed.
    const chunk = run.size >= BY_REFERENCE_MIN ? pool.acquire(room) : undefined
    const block = chunk?.block ?? Outlet.roomFor(room)
    const { bytes } = block
    let at = writeText(bytes, 0, to.subject)
    run.subjectEnd = at
    bytes[at++] = SPACE
    copyBytes(block, at, from, subjectStart, run.shownLength)
    at += run.shownLength
    bytes[at++] = SPACE
    run.replyStart = at
    at = outgoing.writeReply(bytes, at)
    run.replyEnd = at
    run.lineLength = at
    if (headers === undefined) copyBytes(block, at, from, headersStart, run.headerSize)
    else bytes.set(headers, at)
    at += run.headerSize
    copyBytes(block, at, from, payloadStart, run.size - run.headerSize)
    run.stride = writeText(bytes, run.lineLength + run.size, CRLF)
    run.line = block
    run.block = block
    run.first = run.lineLength
    run.count = 1
    run.chunk = chunk
    try {
      return this.dispatch(to, run)
    } finally {
      chunk?.release()
      run.chunk = undefined
    }
  }

  /** The way of most messages: as they are, to one client of this shard that was found before. */
  private sendStraight(to: Destination, outgoing: Outgoing): boolean {
    const { owner, publisher } = this
    const plan = to.memo as Plan | undefined
    if (plan === undefined || !owner.router.sendKept(outgoing.message, outgoing, plan, publisher)) return false
    owner.schedule()
    return true
  }

  /** Sends a status, with headers in lines of their own. Returns how many deliveries that led to. */
  status(to: Destination, status: string, headers = '', reply = ''): number {
    const header = `NATS/1.0 ${status}\r\n${headers}\r\n`
    let sent = 0
    // While another message is under way, which may have come by the import that this one takes.
    this.owner.serviceCalls.apart(() => {
      composeRaw(
        this.owner.pool,
        { subject: to.subject, reply, header, payload: NOTHING, isImported: false },
        (run) => {
          sent = this.dispatch(to, run)
        },
      )
    })
    return sent
  }

  private dispatch(to: Destination, run: Run): number {
    const { owner } = this
    run.memo = to.memo
    const sent = owner.router.dispatch(run, this.account, this.publisher)
    to.memo = run.memo
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
