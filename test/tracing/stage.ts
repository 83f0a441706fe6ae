// A shard as far as tracing sees one.

import { Account } from '../../src/accounts/account.ts'
import { composeRun } from '../../src/protocol/compose.ts'
import type { Run } from '../../src/protocol/run.ts'
import type { RemotePublisher } from '../../src/routing/publisher.ts'
import { Subscription } from '../../src/routing/subscription.ts'
import type { TracedPublisher } from '../../src/routing/trace.ts'
import { MessageSequence } from '../../src/system/server-info.ts'
import type { TraceEvent } from '../../src/tracing/event.ts'
import type { TracePeer, TracingOwner } from '../../src/tracing/owner.ts'
import { TestOutputs, TestPeer, TestPublisher, TestReceiver } from '../routing/parts.ts'
import { ServiceStage } from '../services/stage.ts'
import { identity } from '../support/identity.ts'

export class TraceStage extends ServiceStage implements TracingOwner {
  readonly account = new Account('$G')
  readonly identity = identity()
  readonly sequence = new MessageSequence()
  readonly outputs = new TestOutputs(this.pool)

  /** An instant of the shard's clock has any time; all events have the same. */
  wallClock(): number {
    return 0
  }

  addPeer(): TestTracePeer {
    const peer = new TestTracePeer(this.peers.length + 1, this.generations)
    this.peers.push(peer)
    return peer
  }

  subscribe(subject: string, { queue = '', receiver = new TestReceiver(this.outputs), filtered = false } = {}) {
    const subscription = new Subscription(receiver, receiver.account, subject, queue, '1')
    subscription.filtered = filtered
    this.sublist.insert(subscription)
    return subscription
  }

  /** The bytes that a receiver has got. */
  got({ receiver }: Subscription): string {
    this.outputs.flush()
    return (receiver as TestReceiver).read()
  }

  compose(subject: string, headers: Record<string, string>, use: (run: Run) => void): void {
    composeRun(this.pool, { subject, reply: '', headers, payload: Buffer.from('x') }, use)
  }
}

/** One of another shard's. */
class FarPublisher extends TestPublisher implements RemotePublisher {
  nobodyHeard(): void {}
}

export class TestTracePeer extends TestPeer implements TracePeer {
  readonly publisher = new FarPublisher()
  readonly told: (readonly [trace: number, events: readonly TraceEvent[]])[] = []

  tellTrace(trace: number, events: readonly TraceEvent[]): void {
    this.told.push([trace, events])
  }
}

export class TracedClient extends TestPublisher implements TracedPublisher {
  closing = false
  readonly account: Account
  readonly options = { name: 'tester' }
  rights: TracedPublisher['rights']
  readonly violations: string[] = []
  readonly refusals: string[] = []
  readonly log = { violation: (text: string): void => void this.violations.push(text) }

  constructor(account: Account) {
    super()
    this.account = account
  }

  refuse({ text }: { readonly text: string }): void {
    this.refusals.push(text)
  }
}

/** Events without their times. */
export const untimed = (events: readonly TraceEvent[]) => events.map(({ ts: _, ...event }) => event)
