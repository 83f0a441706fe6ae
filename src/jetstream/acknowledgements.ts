// What a stream answers to publishers. The answer to a message that was stored waits until the message is durable; then
// the answers of all that became durable together go out together.

import type { Sender } from './sender.ts'

interface Waiting {
  readonly seq: number
  readonly reply: string
  readonly text: string
}

export class Acknowledgements {
  private readonly sender: Sender
  /** By sequence. */
  private waiting: Waiting[] = []

  constructor(sender: Sender) {
    this.sender = sender
  }

  /** To be sent when the message is durable. */
  await(seq: number, reply: string, text: string): void {
    this.waiting.push({ seq, reply, text })
  }

  /** Everything up to a sequence is durable. */
  settle(durable: number): void {
    const { waiting } = this
    let count = 0
    while (count < waiting.length && waiting[count].seq <= durable) count++
    if (count === 0) return
    this.waiting = waiting.slice(count)
    for (let i = 0; i < count; i++) this.send(waiting[i].reply, waiting[i].text)
  }

  /** Messages from a sequence on could not be stored. */
  fail(first: number, text: string): void {
    const { waiting } = this
    this.waiting = waiting.filter(({ seq }) => seq < first)
    for (const { seq, reply } of waiting) if (seq >= first) this.send(reply, text)
  }

  /** At once. */
  send(reply: string, text: string): void {
    this.sender.send(reply, text)
  }
}
