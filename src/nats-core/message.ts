// A message of the client as one of nats-core.

import type { Msg, MsgHdrs, Payload, PublishOptions, ReviverFn } from '@nats-io/nats-core'
import type { MuxSubscription, RequestOne } from '@nats-io/nats-core/internal'
import type { Msg as OwnMsg } from '../client/index.ts'

/** The protocol under a connection of nats-core, as far as packages use it: `JsMsg.ackAck()` makes a request of it. */
export interface Publisher {
  readonly options: { readonly noAsyncTraces: boolean }
  /** The requests that wait, and the prefix of the subjects for their replies. */
  readonly muxSubscriptions: MuxSubscription
  /** A request waits for its reply; it is published by the caller. */
  request(request: RequestOne): RequestOne
  publish(subject: string, payload?: Payload, options?: PublishOptions): void
}

export class NatsCoreMsg implements Msg {
  readonly publisher: Publisher
  private readonly message: OwnMsg

  constructor(message: OwnMsg, publisher: Publisher) {
    this.message = message
    this.publisher = publisher
  }

  get subject(): string {
    return this.message.subject
  }

  get sid(): number {
    return this.message.sid
  }

  get reply(): string {
    return this.message.reply ?? ''
  }

  get data(): Uint8Array {
    return this.message.data
  }

  /** Undefined where there are none: `headers?` of nats-core means that, which a getter cannot say. */
  get headers(): MsgHdrs {
    return this.message.headers as MsgHdrs
  }

  respond(payload?: Payload, options?: PublishOptions): boolean {
    const { reply } = this
    if (reply === '') return false
    this.publisher.publish(reply, payload, options)
    return true
  }

  json<T>(reviver?: ReviverFn): T {
    return this.message.json(reviver)
  }

  string(): string {
    return this.message.string()
  }

  /** What consumers with `max_bytes` count, as nats-core counts it. */
  size(): number {
    return this.subject.length + this.reply.length + this.message.size()
  }
}
