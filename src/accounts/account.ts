// An account: a subject space of its own (reference 4.3). Nothing published in one is seen in another but by import.

import type { Limits } from '../auth/identity.ts'
import type { AccountOptions, ExportOptions, ImportOptions, MappingOptions } from '../config/shapes.ts'
import type { AccountKey } from '../interest/reader.ts'
import { matches } from '../subjects/subject.ts'
import { compileImport, type ServiceImport, StreamImport } from './imports.ts'
import { compileMapping, type Mapping, Mappings } from './mapping.ts'

/** -1: no limit. Those of connections are applied to each of the account's. */
export interface AccountLimits extends Limits {
  /** Of the account, over all shards. */
  readonly connections: number
}
const NO_LIMITS: AccountLimits = Object.freeze({ connections: -1, subscriptions: -1, payload: -1 })

/** Where everybody is who was not given another account. */
export const GLOBAL_ACCOUNT = '$G'

export class Account implements AccountKey {
  readonly name: string
  /** The name as the bytes that begin the account's paths in the shared index. */
  readonly bytes: Uint8Array
  limits: AccountLimits = NO_LIMITS
  mappings = new Mappings([])
  streamImports: readonly StreamImport[] = []
  serviceImports: readonly ServiceImport[] = []

  constructor(name: string) {
    this.name = name
    this.bytes = new Uint8Array(Buffer.from(name, 'latin1'))
  }

  /** The service imports that a published subject (byte string) belongs to. */
  servicesFor(subject: string): ServiceImport[] {
    if (this.serviceImports.length === 0) return []
    const tokens = subject.split('.')
    return this.serviceImports.filter((service) => service.matches(tokens))
  }
}

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

  /**
   * Takes over what is said of the accounts, all at once, since imports rest on the exports of others. An import that
   * is not allowed, or that makes no sense, imports nothing; answers what was wrong with each such item.
   */
  configure(list: readonly AccountSettings[], globalMappings: readonly MappingOptions[]): string[] {
    const wrong: string[] = []
    const said = new Map(list.map((settings) => [settings.name, settings]))
    this.global.mappings = compileMappings(GLOBAL_ACCOUNT, globalMappings, wrong)
    for (const { name, limits, mappings, imports } of list) {
      const account = this.named(name)
      const { maxConnections, maxSubscriptions, maxPayload } = limits
      account.limits = { connections: maxConnections, subscriptions: maxSubscriptions, payload: maxPayload }
      if (name !== GLOBAL_ACCOUNT || mappings.length > 0) account.mappings = compileMappings(name, mappings, wrong)
      const streams: StreamImport[] = []
      const services: ServiceImport[] = []
      for (const item of imports) {
        const exporter = said.get(item.account)
        const terms = exporter === undefined ? undefined : termsOf(exporter, item, name)
        const compiled =
          terms === undefined
            ? { error: 'import not authorized' }
            : compileImport(item, account, this.named(item.account), terms)
        if ('error' in compiled) {
          wrong.push(`account "${name}": ${item.kind} import of "${item.subject}": ${compiled.error}`)
        } else if (compiled instanceof StreamImport) streams.push(compiled)
        else services.push(compiled)
      }
      account.streamImports = streams
      account.serviceImports = services
    }
    return wrong
  }
}

/** What is needed of an account's settings, whether a file or a token has them. */
export type AccountSettings = Pick<AccountOptions, 'name' | 'mappings' | 'exports' | 'imports' | 'limits'>

function compileMappings(account: string, list: readonly MappingOptions[], wrong: string[]): Mappings {
  const compiled: Mapping[] = []
  for (const options of list) {
    const mapping = compileMapping(options)
    if ('error' in mapping) wrong.push(`account "${account}": mapping of "${options.source}": ${mapping.error}`)
    else compiled.push(mapping)
  }
  return new Mappings(compiled)
}

/** The export that lets `importer` have `item`; undefined if there is none. */
function termsOf(exporter: AccountSettings, item: ImportOptions, importer: string): ExportOptions | undefined {
  return exporter.exports.find((offer) => {
    if (offer.kind !== item.kind || !matches(offer.subject, item.subject)) return false
    if (offer.accountTokenPosition > 0) {
      return item.subject.split('.')[offer.accountTokenPosition - 1] === importer
    }
    return offer.accounts === undefined || offer.accounts.includes(importer)
  })
}
