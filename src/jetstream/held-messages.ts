// Messages that cannot be judged at once, since something must be read from the disk for one of them: they wait, in
// their order, and what comes after them waits behind. What waits is bounded.

import { attempt, type OnBug } from '../base/guarded.ts'

/** A message as it came. */
export interface ArrivedMessage {
  /** With which it is to be stored. */
  readonly subject: Buffer
  readonly headers: Buffer
  readonly payload: Buffer
  /** Byte string; empty: none. */
  readonly reply: string
}

export interface HeldMessagesHost {
  readonly maxMessages: number
  readonly maxBytes: number
  /** Resolves when a message can be judged; undefined: it can. */
  ready(message: ArrivedMessage): Promise<void> | undefined
  /** To be judged now. */
  judge(message: ArrivedMessage): void
  /** Messages that had waited are to be judged, by this. */
  together(judgeThem: () => void): void
  readonly bugMet: OnBug
}

export class HeldMessages {
  private readonly host: HeldMessagesHost
  private messages: ArrivedMessage[] = []
  private bytes = 0

  constructor(host: HeldMessagesHost) {
    this.host = host
  }

  /** Judges a message, at once or when that is possible. Its bytes are copied if it waits. False: too much waits. */
  take(message: ArrivedMessage): boolean {
    const { host, messages } = this
    if (messages.length > 0) return this.hold(message)
    const soon = host.ready(message)
    if (soon === undefined) {
      host.judge(message)
      return true
    }
    this.hold(message)
    this.wait(soon)
    return true
  }

  private hold({ headers, payload, reply, subject }: ArrivedMessage): boolean {
    if (this.messages.length >= this.host.maxMessages || this.bytes >= this.host.maxBytes) return false
    const copy = {
      subject: Buffer.from(subject),
      headers: Buffer.from(headers),
      payload: Buffer.from(payload),
      reply,
    }
    this.bytes += sizeOf(copy)
    this.messages.push(copy)
    return true
  }

  private wait(soon: Promise<void>): void {
    const { bugMet } = this.host
    attempt(bugMet, () => soon.catch(bugMet).then(() => this.host.together(() => this.goOn())))
  }

  /** Judges messages, the oldest first, as far as that is possible: what was read may be out of date by now. */
  private goOn(): void {
    const { host, messages } = this
    let count = 0
    let soon: Promise<void> | undefined
    for (; count < messages.length; count++) {
      const message = messages[count]
      soon = host.ready(message)
      if (soon !== undefined) break
      this.bytes -= sizeOf(message)
      attempt(host.bugMet, () => host.judge(message))
    }
    this.messages = messages.slice(count)
    if (soon !== undefined) this.wait(soon)
  }
}

function sizeOf({ headers, payload, subject }: ArrivedMessage): number {
  return headers.length + payload.length + subject.length
}
