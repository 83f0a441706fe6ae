// What a shard tells the functions of an embedding program about its clients (src/auth/hooks.ts): who logged in, who is
// gone, who does not keep up. Events of a turn go in one message. Messages that are dropped for a client are told of
// once a second, so that there are never more events than clients for long.

import type { ConnectedClient, HookEvent, HookName } from '../auth/hooks.ts'
import { CloseReason } from '../base/errors.ts'
import { guarded, type OnBug } from '../base/guarded.ts'
import type { ClientFacts } from '../connection/facts.ts'
import { connectionTypeOf } from '../connection/login-request.ts'
import type { ClientHooks } from '../connection/owner.ts'

const DROPPED_EVERY_MS = 1_000

const SLOW: ReadonlySet<CloseReason> = new Set([CloseReason.slowConsumerPending, CloseReason.slowConsumerDeadline])

/** A client as it was when it logged in, and what was dropped for it. */
interface Known {
  readonly client: ConnectedClient
  dropped: number
  pendingBytes: number
}

export class HookEvents implements ClientHooks {
  private readonly tell: (events: readonly HookEvent[]) => void
  private readonly wants: ReadonlySet<HookName>
  private readonly onBug: OnBug
  private readonly known = new Map<ClientFacts, Known>()
  private readonly slow = new Set<Known>()
  private events: HookEvent[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(hooks: readonly HookName[], tell: (events: readonly HookEvent[]) => void, onBug: OnBug) {
    this.wants = new Set(hooks)
    this.tell = tell
    this.onBug = onBug
  }

  connected(client: ClientFacts): void {
    const { id, ip, account, options, login } = client
    const told: ConnectedClient = {
      connectionId: id,
      user: login.identity?.user ?? '',
      account: account.name,
      ip,
      connectionType: connectionTypeOf(client),
      name: options.name,
      lang: options.lang,
      version: options.version,
    }
    this.known.set(client, { client: told, dropped: 0, pendingBytes: 0 })
    // For onDisconnect, too: the primary tells of those whose shard died.
    if (this.wants.has('onConnect') || this.wants.has('onDisconnect')) this.add({ kind: 'connect', client: told })
  }

  dropped(client: ClientFacts, messages: number, pendingBytes: number): void {
    const known = this.known.get(client)
    if (known === undefined || !this.wants.has('onSlowConsumer')) return
    known.dropped += messages
    known.pendingBytes = pendingBytes
    this.slow.add(known)
    this.timer ??= setTimeout(
      guarded(this.onBug, () => this.tellDropped()),
      DROPPED_EVERY_MS,
    ).unref()
  }

  private tellDropped(): void {
    this.timer = undefined
    for (const known of this.slow) this.addSlow(known, undefined)
    this.slow.clear()
  }

  /** A client began to close. */
  closed(client: ClientFacts, reason: CloseReason, pendingBytes: number): void {
    const known = this.known.get(client)
    if (known === undefined) return
    this.known.delete(client)
    if (SLOW.has(reason)) known.pendingBytes = pendingBytes
    if (this.wants.has('onSlowConsumer') && (SLOW.has(reason) || this.slow.delete(known))) {
      this.addSlow(known, SLOW.has(reason) ? reason : undefined)
    }
    if (this.wants.has('onDisconnect')) this.add({ kind: 'disconnect', client: known.client, reason })
  }

  private addSlow(known: Known, closedFor: CloseReason | undefined): void {
    const { client, dropped: droppedMessages, pendingBytes } = known
    known.dropped = 0
    this.add({ kind: 'slow', slow: { client, closedFor, droppedMessages, pendingBytes } })
  }

  private add(event: HookEvent): void {
    if (this.events.push(event) === 1) setImmediate(guarded(this.onBug, () => this.flush()))
  }

  /** Sends what there is: the shard ends. */
  flush(): void {
    const { events } = this
    this.events = []
    if (events.length > 0) this.tell(events)
  }
}
