// The functions of the embedding program (src/auth/hooks.ts), as the primary calls them. What one throws, or rejects
// with, is logged. Each client that the program was told of as connected is told of once as gone, though its shard may
// have died.

import { askRules, type ConnectedClient, HOOK_NAMES, type HookEvent, type HookName, type Hooks } from '../auth/hooks.ts'
import type { HookRules, Refusal } from '../auth/identity.ts'
import { attempt } from '../base/guarded.ts'
import type { Log } from '../log/log.ts'

export class Program {
  /** Those that the program had at the start: others cannot be added, as shards count on it. */
  readonly names: readonly HookName[]
  private hooks: Hooks
  private readonly log: Pick<Log, 'error'>
  /** Clients by their numbers, with their shards. */
  private readonly connected = new Map<number, { readonly client: ConnectedClient; readonly shard: number }>()

  constructor(hooks: Hooks, log: Pick<Log, 'error'>) {
    this.hooks = hooks
    this.log = log
    this.names = HOOK_NAMES.filter((name) => hooks[name] !== undefined)
  }

  get authenticate(): Hooks['authenticate'] {
    return this.hooks.authenticate
  }

  rules(client: ConnectedClient): Promise<HookRules | Refusal> {
    return askRules(this.hooks, client)
  }

  /** A function that cannot be added, or removed; undefined: these can take the place of those before. */
  cannotTake(hooks: Hooks): HookName | undefined {
    return HOOK_NAMES.find((name) => this.names.includes(name) !== (hooks[name] !== undefined))
  }

  take(hooks: Hooks): void {
    this.hooks = hooks
  }

  /** A shard tells of its clients. */
  happened(shard: number, events: readonly HookEvent[]): void {
    for (const event of events) {
      if (event.kind === 'slow') this.call('onSlowConsumer', (hook) => hook(event.slow))
      else if (event.kind === 'disconnect') this.disconnected(event.client, event.reason)
      else {
        const { client } = event
        if (this.names.includes('onDisconnect')) this.connected.set(client.connectionId, { client, shard })
        this.call('onConnect', (hook) => hook(client))
      }
    }
  }

  /** The clients of a shard are gone with it; without a number, those of all shards. */
  shardEnded(reason: string, index?: number): void {
    for (const { client, shard } of [...this.connected.values()]) {
      if (index === undefined || index === shard) this.disconnected(client, reason)
    }
  }

  private disconnected(client: ConnectedClient, reason: string): void {
    if (this.connected.delete(client.connectionId)) this.call('onDisconnect', (hook) => hook(client, reason))
  }

  private call<K extends 'onConnect' | 'onDisconnect' | 'onSlowConsumer'>(
    name: K,
    act: (hook: NonNullable<Hooks[K]>) => unknown,
  ): void {
    const hook = this.hooks[name]
    if (hook === undefined) return
    const failed = (error: unknown): void => {
      this.log.error(`${name}() failed: ${error instanceof Error ? error.message : String(error)}`)
    }
    // Its promise may be of another realm, as in a test runner.
    attempt(failed, async () => {
      await act(hook)
    })
  }
}
