// What a consumer hears: requests for messages, what is said of those that it has delivered, and answers to its
// questions whether a client keeps up.

import type { Account } from '../../accounts/account.ts'
import type { Run } from '../../protocol/run.ts'
import { InternalSubscription } from '../../routing/subscription.ts'
import { byteString, properText } from '../../subjects/byte-string.ts'
import type { JetStreamOwner } from '../owner.ts'
import { shortHash } from '../short-hash.ts'
import { AckHandler, type AckOwner } from './acks.ts'
import type { ConsumerConfig } from './config.ts'
import type { Pull } from './pull.ts'
import { Push } from './push.ts'

/** The consumer, as far as what it hears concerns it. */
export interface HearingConsumer extends AckOwner {
  readonly name: string
  readonly stream: {
    readonly name: string
    readonly account: Account
    readonly domain: string
    readonly owner: Pick<JetStreamOwner, 'sublist'>
  }
  readonly config: Pick<ConsumerConfig, 'ack_policy'>
  readonly mode: Pull | Push
}

/** What the reply subjects of a consumer's messages and questions begin with: byte strings. */
export function prefixesOf(stream: string, consumer: string): { readonly acks: string; readonly flow: string } {
  const names = `${byteString(stream)}.${byteString(consumer)}`
  return { acks: `$JS.ACK.${names}.`, flow: `$JS.FC.${names}.` }
}

export class Hearing {
  private readonly consumer: HearingConsumer
  private readonly entries: InternalSubscription[] = []

  constructor(consumer: HearingConsumer) {
    this.consumer = consumer
  }

  /** Returns false, and hears nothing, if the index has no room for all. */
  begin(): boolean {
    const { account, owner } = this.consumer.stream
    for (const [subject, handle] of this.heard()) {
      const entry = new InternalSubscription(account, subject, handle)
      if (!owner.sublist.insert(entry)) {
        this.end()
        return false
      }
      this.entries.push(entry)
    }
    return true
  }

  /** Subjects name stream and consumer alone, or behind the domain and a hash of the account. */
  private heard(): (readonly [subject: string, handle: (run: Run) => void])[] {
    const { consumer } = this
    const { config, mode, name, stream } = consumer
    const place = `${byteString(stream.name)}.${byteString(name)}`
    const longPlace = `${byteString(stream.domain || '_')}.${shortHash(properText(stream.account.name))}.${place}`
    const heard: [subject: string, handle: (run: Run) => void][] = [
      [`$JS.API.CONSUMER.MSG.NEXT.${place}`, (run) => (mode instanceof Push ? mode.refusePull(run) : mode.take(run))],
    ]
    // Otherwise nobody answers to acknowledgements.
    if (config.ack_policy !== 'none') {
      const [acks, longAcks] = [place, longPlace].map((each) => new AckHandler(consumer, `$JS.ACK.${each}.`.length))
      heard.push([`$JS.ACK.${place}.*.*.*.*.*`, (run) => acks.take(run)])
      heard.push([`$JS.ACK.${longPlace}.*.*.*.*.>`, (run) => longAcks.take(run)])
    }
    if (mode instanceof Push) {
      for (const each of [place, longPlace]) heard.push([`$JS.FC.${each}.*`, (run) => mode.answered(run)])
    }
    return heard
  }

  end(): void {
    this.consumer.stream.owner.sublist.removeAll(this.entries)
  }
}
