// A client as reports see it: a literal, with the members that a test is about.

import type { ReportedClient } from '../../src/reports/client.ts'
import { Subscription } from '../../src/routing/subscription.ts'
import { clientFacts, OPEN } from '../connection/facts.ts'

type Members = Omit<Partial<ReportedClient>, 'log'>

/** What the log is told of it goes to `lines`. */
export function reportedClient(members: Members = {}, lines: unknown[] = []): ReportedClient {
  return {
    ...clientFacts(),
    port: 111,
    peer: '10.1.2.3:111',
    login: { greeting: OPEN, nonce: '', identity: undefined, claimedUser: '' },
    lastActivityMs: 1_500,
    closing: false,
    closeReason: undefined,
    closedAtMs: 0,
    slowConsumerPolicy: 'disconnect',
    droppedMessages: 0,
    readGate: undefined,
    slowWrites: undefined,
    outbound: { pendingBytes: 0, waitingMs: 0 },
    subscriptions: new Map(),
    close: () => undefined,
    tellLameDuck: () => 'deaf',
    ...members,
    log: {
      error: (text) => void lines.push(text),
      slowConsumer: (reason, bytes, _, still) => void lines.push([reason, bytes, still]),
    },
  }
}

/** So many subscriptions, by sid, the first of them given. */
export function subscriptionsOf(count: number, subject = 'a', queue = ''): Map<string, Subscription> {
  const receiver = { id: 7 } as Subscription['receiver']
  const { account } = clientFacts()
  const sids = Array.from({ length: count }, (_, sid) => String(sid))
  return new Map(sids.map((sid) => [sid, new Subscription(receiver, account, subject, queue, sid)]))
}
