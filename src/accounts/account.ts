// An account: a subject space of its own (reference 4.3). Nothing published in one is seen in another but by import.

import type { AccountKey } from '../interest/reader.ts'
import { AccountCounters } from '../stats.ts'
import { matches } from '../subjects/subject.ts'
import { compileImport, type ServiceImport, StreamImport } from './imports.ts'
import { compileMapping, Mappings } from './mapping.ts'
import {
  type AccountLimits,
  type AccountSettings,
  type ExportSettings,
  type ImportSettings,
  NO_LIMITS,
} from './settings.ts'

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
  readonly counters = new AccountCounters()

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

  /** Those that this shard has met. */
  values(): Iterable<Account> {
    return this.byName.values()
  }

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
  configure(list: readonly AccountSettings[]): string[] {
    const wrong: string[] = []
    const said = new Map(list.map((settings) => [settings.name, settings]))
    for (const settings of list) {
      const account = this.named(settings.name)
      account.limits = settings.limits
      account.mappings = new Mappings(
        settings.mappings.flatMap((mapping) => {
          const compiled = compileMapping(mapping)
          if (!('error' in compiled)) return [compiled]
          wrong.push(`account "${settings.name}": mapping of "${mapping.subject}": ${compiled.error}`)
          return []
        }),
      )
      const streams: StreamImport[] = []
      const services: ServiceImport[] = []
      for (const item of settings.imports) {
        const exporter = said.get(item.account)
        const terms = exporter === undefined ? undefined : termsOf(exporter, item, settings.name)
        const compiled =
          terms === undefined
            ? { error: 'import not authorized' }
            : compileImport(item, account, this.named(item.account), terms)
        if ('error' in compiled) {
          wrong.push(`account "${settings.name}": ${item.kind} import of "${item.subject}": ${compiled.error}`)
        } else if (compiled instanceof StreamImport) streams.push(compiled)
        else services.push(compiled)
      }
      account.streamImports = streams
      account.serviceImports = services
    }
    return wrong
  }
}

/** The export that lets `importer` have `item`; undefined if there is none. */
function termsOf(exporter: AccountSettings, item: ImportSettings, importer: string): ExportSettings | undefined {
  return exporter.exports.find((offer) => {
    if (offer.kind !== item.kind || !matches(offer.subject, item.subject)) return false
    if (offer.accountTokenPosition > 0) {
      return item.subject.split('.')[offer.accountTokenPosition - 1] === importer
    }
    return offer.accounts === undefined || offer.accounts.includes(importer)
  })
}
