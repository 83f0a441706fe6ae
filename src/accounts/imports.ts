// What an account takes from others (reference 4.3).
//
//     stream import    a subscription here is also one there: Subscription.via names the import, and its receivers see
//                      the subject as it is here
//     service import   a publish here is also one there, and what is answered there finds its way back
//                      (service-calls.ts)

import type { ExportOptions, ImportOptions } from '../options/shapes.ts'
import { intersection } from '../subjects/filter.ts'
import {
  compileTransform,
  identityDestination,
  reverseTransform,
  type Transform,
  type TransformError,
} from '../subjects/transform.ts'
import type { Account } from './account.ts'

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

  /** What a filter of ours means in the exporting account; undefined if nothing of this import is in it. */
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

  /** The exporter's subject for one of ours. */
  subjectThere(subject: string): string {
    return this.outward.apply(subject.split('.'))
  }
}

/** Compiles an import; `terms` is the export that it rests on. */
export function compileImport(
  settings: ImportOptions,
  importer: Account,
  exporter: Account,
  terms: ExportOptions,
): StreamImport | ServiceImport | TransformError {
  // The wildcards of `to` may be written as `$1` or as `*`, which counts them in order.
  const { subject, to, prefix } = settings
  const here = identityDestination(to !== '' ? to : prefix !== '' ? `${prefix}.${subject}` : subject)
  const inward = compileTransform(settings.subject, here, true)
  if ('error' in inward) return inward
  if (settings.kind === 'stream') return new StreamImport(exporter, inward, settings.allowTrace)
  return new ServiceImport(importer, exporter, terms, reverseTransform(inward), settings.share)
}
