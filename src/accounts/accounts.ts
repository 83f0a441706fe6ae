// All accounts that a shard knows, with their configuration.

import type { AccountOptions, MappingOptions } from '../options/shapes.ts'
import { GLOBAL_ACCOUNT, UNLIMITED_STREAMS } from '../options/shapes.ts'
import { Account, type ServiceImport, StreamImport } from './account.ts'
import { compileImport, termsOf } from './imports.ts'
import { compileMapping, type Mapping, Mappings } from './mapping.ts'

/** An account that no configuration and no token can have: for what shards have to tell each other in messages. */
export const BETWEEN_SHARDS = 'between shards\n'

/** The accounts that a shard has met, one object each for its life. */
export class Accounts {
  private readonly byName = new Map<string, Account>()
  readonly global = this.named(GLOBAL_ACCOUNT)

  named(name: string): Account {
    let account = this.byName.get(name)
    if (account === undefined) {
      account = new Account(name)
      this.byName.set(name, account)
    }
    return account
  }

  /** Those that this shard has met, without the one for messages between shards. */
  *values(): Iterable<Account> {
    for (const account of this.byName.values()) if (account.name !== BETWEEN_SHARDS) yield account
  }

  /**
   * Applies a configuration of all accounts; accounts that it does not name become plain ones. An import that is not
   * allowed, or that makes no sense, imports nothing.
   */
  configureAll(list: readonly AccountSettings[], globalMappings: readonly MappingOptions[]): Outcome {
    const outcome = new Outcome()
    const said = new Map(list.map((settings) => [settings.name, settings]))
    for (const account of this.byName.values()) {
      if (!said.has(account.name)) this.configure({ ...PLAIN, name: account.name }, () => undefined, outcome)
    }
    for (const settings of list) this.configure(settings, (name) => said.get(name), outcome)
    // A server without accounts has streams in the only one.
    if (list.length === 0) this.global.jetstream = UNLIMITED_STREAMS
    if (globalMappings.length > 0) this.global.mappings = compileMappings(GLOBAL_ACCOUNT, globalMappings, outcome)
    return outcome
  }

  /**
   * Takes over what is said of one account. `exporterNamed` tells the accounts that it imports from. Imports that are
   * as they were stay the same objects. What comes of it is added to `outcome`.
   */
  configure(settings: AccountSettings, exporterNamed: ExporterNamed, outcome: Outcome): void {
    const { name, limits, mappings, imports } = settings
    const account = this.named(name)
    const { maxConnections, maxSubscriptions, maxPayload, maxLeafnodes } = limits
    account.limits = {
      connections: maxConnections,
      subscriptions: maxSubscriptions,
      payload: maxPayload,
      leafnodes: maxLeafnodes,
    }
    account.slowConsumer = settings.slowConsumer
    account.trace = settings.trace
    account.jetstream = settings.jetstream
    account.mappings = compileMappings(name, mappings, outcome)
    const streams: StreamImport[] = []
    const services: ServiceImport[] = []
    for (const item of imports) {
      const exporter = exporterNamed(item.account)
      const terms = exporter === undefined ? undefined : termsOf(exporter, item, name)
      const compiled =
        terms === undefined
          ? { error: 'import not authorized' }
          : compileImport(item, account, this.named(item.account), terms)
      if ('error' in compiled) {
        outcome.wrong.push(`account "${name}": ${item.kind} import of "${item.subject}": ${compiled.error}`)
      } else if (compiled instanceof StreamImport) streams.push(compiled)
      else services.push(compiled)
    }
    if (areSame(account.streamImports, streams) && areSame(account.serviceImports, services)) return
    account.streamImports = streams
    account.serviceImports = services
    outcome.changed.add(account)
  }
}

/** The settings of an account by its name; undefined: there is none, or nothing is known of it. */
export type ExporterNamed = (name: string) => AccountSettings | undefined

const PLAIN: Omit<AccountSettings, 'name'> = {
  jetstream: undefined,
  trace: undefined,
  mappings: [],
  exports: [],
  imports: [],
  limits: { maxConnections: -1, maxSubscriptions: -1, maxPayload: -1, maxLeafnodes: -1 },
}

function areSame(some: readonly { readonly key: string }[], others: readonly { readonly key: string }[]): boolean {
  return some.length === others.length && some.every(({ key }, i) => key === others[i].key)
}

/** What came of taking settings over. */
export class Outcome {
  /** What is wrong with items of them, for the log. */
  readonly wrong: string[] = []
  /** Those that import something else than before. */
  readonly changed = new Set<Account>()
}

/** What is needed of an account's settings, whether a file or a token has them. */
export type AccountSettings = Pick<
  AccountOptions,
  'name' | 'mappings' | 'exports' | 'imports' | 'limits' | 'jetstream' | 'slowConsumer' | 'trace'
>

function compileMappings(account: string, list: readonly MappingOptions[], { wrong }: Outcome): Mappings {
  const compiled: Mapping[] = []
  for (const options of list) {
    const mapping = compileMapping(options)
    if ('error' in mapping) wrong.push(`account "${account}": mapping of "${options.source}": ${mapping.error}`)
    else compiled.push(mapping)
  }
  return new Mappings(compiled)
}
