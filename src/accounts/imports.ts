// How a requested import is made, and which export of the other account allows it (docs/reference/accounts.md, "Exports
// and imports").

import type { ExportOptions, ImportOptions } from '../options/shapes.ts'
import { matches } from '../subjects/subject.ts'
import { compileTransform, identityDestination, reverseTransform, type TransformError } from '../subjects/transform.ts'
import { type Account, ServiceImport, StreamImport } from './account.ts'

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

/** The export that lets `importer` have `item`; undefined if there is none. One of just this subject decides alone. */
export function termsOf<E extends ExportOptions>(
  exporter: { readonly exports: readonly E[] },
  item: ImportOptions,
  importer: string,
): E | undefined {
  const offers = exporter.exports.filter(({ kind, subject }) => kind === item.kind && matches(subject, item.subject))
  const exact = offers.filter(({ subject }) => subject === item.subject)
  return (exact.length > 0 ? exact : offers).find((offer) => {
    if (offer.accountTokenPosition > 0) {
      return item.subject.split('.')[offer.accountTokenPosition - 1] === importer
    }
    return offer.accounts === undefined || offer.accounts.includes(importer)
  })
}
