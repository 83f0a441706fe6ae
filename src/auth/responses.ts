// The permission to respond: reply subjects that a connection may publish to because it received messages with them
// (`allow_responses`, docs/reference/authentication.md, "Permission to respond"). One of these belongs to one
// connection.

import type { ResponseRules } from '../options/shapes.ts'

/** Replies remembered for one connection. Where neither number nor time is limited, the oldest ones have to go. */
export const REPLIES_MAX = 64 * 1024

interface Reply {
  readonly deliveredMs: number
  used: number
}

export class ResponsePermits {
  private readonly rules: ResponseRules
  private readonly nowMs: () => number
  /** By reply subject, the latest delivery last. */
  private readonly replies = new Map<string, Reply>()

  /** `nowMs`: a clock that never goes back, in milliseconds. */
  constructor(rules: ResponseRules, nowMs: () => number) {
    this.rules = rules
    this.nowMs = nowMs
  }

  get size(): number {
    return this.replies.size
  }

  /**
   * A message with this reply subject was delivered. Called only for subjects that mayPublish() does not allow anyway.
   * A repeated subject may be answered again.
   */
  delivered(reply: string): void {
    const now = this.nowMs()
    this.forgetExpired(now)
    this.replies.delete(reply)
    this.replies.set(reply, { deliveredMs: now, used: 0 })
    if (this.replies.size > REPLIES_MAX) this.replies.delete(this.replies.keys().next().value as string)
  }

  /** Whether a message may be published to the subject as an answer. To be asked once per message: it counts. */
  mayRespond(subject: string): boolean {
    const reply = this.replies.get(subject)
    if (reply === undefined) return false
    const { maxMessages } = this.rules
    const isAllowed = (maxMessages < 0 || reply.used < maxMessages) && !this.isExpired(reply, this.nowMs())
    if (isAllowed) reply.used++
    else this.replies.delete(subject)
    return isAllowed
  }

  private forgetExpired(now: number): void {
    for (const [subject, reply] of this.replies) {
      if (!this.isExpired(reply, now)) return
      this.replies.delete(subject)
    }
  }

  private isExpired(reply: Reply, now: number): boolean {
    return this.rules.expires >= 0 && now - reply.deliveredMs > this.rules.expires
  }
}
