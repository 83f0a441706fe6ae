// An account: a separate subject space (docs/reference/accounts.md, "Accounts"). A message reaches another account only
// by an import.
//
//     stream import    a subscription here is also one there: Subscription.via names the import, and its receivers see
//                      the subject as it is here
//     service import   a publish here is also one there, and what is answered there finds its way back
//                      (service-calls.ts)

import type { AccountKey } from '../interest/reader.ts'
import { isInternalSpace, spaceAbroad } from '../interest/spaces.ts'
import type { AccountOptions, ExportOptions, SlowConsumerPolicy } from '../options/shapes.ts'
import { intersection } from '../subjects/filter.ts'
import { reverseTransform, type Transform } from '../subjects/transform.ts'
import { AccountCounters } from './counters.ts'
import type { Limits } from './limits.ts'
import { Mappings } from './mapping.ts'

/** -1: no limit. Those of connections are applied to each of the account's. */
export interface AccountLimits extends Limits {
  /** Of the account, over all shards. */
  readonly connections: number
  readonly leafnodes: number
}
const NO_LIMITS: AccountLimits = Object.freeze({ connections: -1, subscriptions: -1, payload: -1, leafnodes: -1 })

export class Account implements AccountKey {
  readonly name: string
  /** The name as the bytes that begin the account's paths in the shared index. */
  readonly bytes: Uint8Array
  limits: AccountLimits = NO_LIMITS
  /** Undefined: as the server's. */
  slowConsumer: SlowConsumerPolicy | undefined
  /** What it may have in streams; undefined: it has none. */
  jetstream: AccountOptions['jetstream']
  /** Where messages with a `traceparent` are traced to, and how many percent of them. */
  trace: AccountOptions['trace']
  mappings = new Mappings([])
  streamImports: readonly StreamImport[] = []
  serviceImports: readonly ServiceImport[] = []
  readonly counters = new AccountCounters()
  private ofRoutes: Account | undefined
  private ofHubs: Account | undefined
  private ofLeafs: Account | undefined
  /** The account of which this one is what other servers want. */
  readonly base: Account | undefined

  constructor(name: string, base?: Account) {
    this.name = name
    this.base = base
    this.bytes = new Uint8Array(Buffer.from(name, 'latin1'))
  }

  /** What other servers of the cluster want of it: a subject space of its own in the index. */
  get routes(): Account {
    this.ofRoutes ??= new Account(spaceAbroad(this.name, 'routes'), this)
    return this.ofRoutes
  }

  /** The same of the hubs of which this server is a leaf node. */
  get hubs(): Account {
    this.ofHubs ??= new Account(spaceAbroad(this.name, 'hubs'), this)
    return this.ofHubs
  }

  /** … and of the leaf nodes of this server, which get what comes from everywhere. */
  get leafs(): Account {
    this.ofLeafs ??= new Account(spaceAbroad(this.name, 'leafs'), this)
    return this.ofLeafs
  }

  /** Whether it is the interest of other servers, or for messages between shards: no configuration can name it. */
  get isInternal(): boolean {
    return isInternalSpace(this.name)
  }

  /** The service imports that a published subject (byte string) belongs to. */
  servicesFor(subject: string): ServiceImport[] {
    if (this.serviceImports.length === 0) return []
    const tokens = subject.split('.')
    return this.serviceImports.filter((service) => service.matches(tokens))
  }
}

export class StreamImport {
  readonly exporter: Account
  /** Tells imports apart: equal ones do the same. */
  readonly key: string
  /** Traces of messages go on beyond it. */
  readonly allowTrace: boolean
  /** The filter of all that comes, as it is here. */
  private readonly local: string
  private readonly inward: Transform
  private readonly outward: Transform

  constructor(exporter: Account, inward: Transform, allowTrace: boolean) {
    this.exporter = exporter
    this.allowTrace = allowTrace
    this.key = JSON.stringify([exporter.name, inward.source, inward.destination, allowTrace])
    this.inward = inward
    this.outward = reverseTransform(inward)
    this.local = this.outward.source
  }

  /** The meaning of a filter of this account in the exporting account; undefined if it is outside this import. */
  filterThere(filter: string): string | undefined {
    const common = intersection(filter, this.local)
    if (common === undefined) return undefined
    return this.outward.apply(common.split('.'))
  }

  /** The subject that one of the exporter's has here. */
  subjectHere(subject: string): string {
    return this.inward.apply(subject.split('.'))
  }
}

export class ServiceImport {
  readonly importer: Account
  readonly exporter: Account
  /** The export that it rests on. */
  readonly terms: ExportOptions
  readonly share: boolean
  /** Tells imports apart: equal ones do the same. */
  readonly key: string
  private readonly outward: Transform

  constructor(importer: Account, exporter: Account, terms: ExportOptions, outward: Transform, share: boolean) {
    this.importer = importer
    this.exporter = exporter
    this.terms = terms
    this.outward = outward
    this.share = share
    this.key = JSON.stringify([exporter.name, outward.source, outward.destination, share, terms])
  }

  matches(tokens: readonly string[]): boolean {
    return this.outward.matches(tokens)
  }

  /** The filter of the requests that it takes. */
  get subject(): string {
    return this.outward.source
  }

  /** The exporter's subject for a subject of this account. */
  subjectThere(subject: string): string {
    return this.outward.apply(subject.split('.'))
  }
}
