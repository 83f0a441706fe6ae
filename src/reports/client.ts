// A client, as reports see it.

import type { CloseReason, Fault } from '../base/errors.ts'
import type { ClientLog } from '../connection/client-log.ts'
import type { ClientFacts } from '../connection/facts.ts'
import type { SlowConsumerPolicy } from '../options/shapes.ts'
import type { Subscription } from '../routing/subscription.ts'

export interface ReportedClient extends ClientFacts {
  readonly port: number
  /** Its address and port. */
  readonly peer: string
  readonly login: ClientFacts['login'] & {
    /** The user that it claimed, as pages may show it, when it was refused, or before it is admitted. */
    readonly claimedUser: string
  }
  /** On the shard's clock. */
  readonly lastActivityMs: number
  readonly closing: boolean
  readonly closeReason: CloseReason | undefined
  readonly closedAtMs: number
  readonly slowConsumerPolicy: SlowConsumerPolicy
  readonly droppedMessages: number
  /** Undefined: it was never held back. */
  readonly readGate: { readonly stalls: number } | undefined
  /** Undefined: it never missed a write deadline. */
  readonly slowWrites: { readonly wasTriedAgain: boolean } | undefined
  readonly outbound: { readonly pendingBytes: number; readonly waitingMs: number }
  readonly subscriptions: ReadonlyMap<string, Subscription>
  readonly log: Pick<ClientLog, 'error' | 'slowConsumer'>
  close(fault: Fault): void
  /** Tells it alone that the server is about to end; returns whether it understands that. */
  tellLameDuck(): 'told' | 'deaf'
}
