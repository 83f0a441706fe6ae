// A stream that flows until it is stopped, and how fast it flows meanwhile: the pair beside which something else is
// going on.

import { setTimeout as pause } from 'node:timers/promises'
import { type Generator, Receiver, send } from './generators/pool.ts'
import type { Endpoint, Sent } from './generators/tasks.ts'
import type { Stream } from './streams.ts'

export class Flow {
  private readonly stream: Stream
  private readonly receiver: Receiver
  private readonly sender: Generator<Sent>

  private constructor(stream: Stream, receiver: Receiver, sender: Generator<Sent>) {
    this.stream = stream
    this.receiver = receiver
    this.sender = sender
  }

  /** Connects the receivers and publishers of the stream and lets them go. */
  static async start(endpoint: Endpoint, stream: Stream, publishers: number): Promise<Flow> {
    const { subscriptions, stride, initial, cycle } = stream
    const expected = { messages: undefined, each: undefined }
    const receiver = new Receiver({ endpoint, subscriptions, stride, initial, ...expected })
    await receiver.ready
    const sender = send({ endpoint, connections: publishers, cycle, rounds: undefined })
    await sender.ready
    sender.tell({ kind: 'go' })
    return new Flow(stream, receiver, sender)
  }

  /** Messages delivered so far. */
  get delivered(): number {
    return this.receiver.received
  }

  /** Messages delivered a second while `work` is going on. Rejects when the flow breaks. */
  async rateDuring(work: Promise<unknown>): Promise<number> {
    const [before, startMs] = [this.delivered, performance.now()]
    await Promise.race([work, this.receiver.done, this.sender.done])
    return ((this.delivered - before) * 1000) / (performance.now() - startMs)
  }

  async rateFor(ms: number): Promise<number> {
    return this.rateDuring(pause(ms))
  }

  /** Stops publishing and waits until everything that was published has come. Returns the messages delivered in all. */
  async stop(): Promise<number> {
    this.sender.tell({ kind: 'stop' })
    const { rounds } = await Promise.race([this.sender.done, this.receiver.done.then(() => this.sender.done)])
    this.receiver.tell({ kind: 'expect', messages: rounds * this.stream.delivered })
    return (await this.receiver.done).messages
  }
}
