// Subject mappings of an account (docs/reference/accounts.md, "Subject mappings"): a published subject becomes another
// one before it is matched, always the same one, or one of several by weight.

import type { MappingOptions } from '../options/shapes.ts'
import { compileTransform, identityDestination, type Transform, type TransformError } from '../subjects/transform.ts'

const PERCENT = 100
const CACHE_MAX = 1024

export interface Mapping {
  readonly source: Transform
  /** Each with the sum of the weights up to and with it, in percent; above the last one messages are lost. */
  readonly destinations: readonly { readonly transform: Transform; readonly upTo: number }[]
}

export function compileMapping({ source: subject, destinations: given }: MappingOptions): Mapping | TransformError {
  // Those for a cluster wait for clusters.
  const destinations = given.filter(({ cluster }) => cluster === '')
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0)
  if (destinations.some(({ weight }) => weight > PERCENT)) return { error: 'individual weights need to be <= 100' }
  if (total > PERCENT) return { error: 'total weight needs to be <= 100' }
  const all = [...destinations]
  // What is left stays as it is, unless the subject itself is among the destinations: then loss is meant.
  const identity = identityDestination(subject)
  const named = all.some((destination) => destination.subject === subject)
  if (total < PERCENT && !named) all.push({ subject: identity, weight: PERCENT - total, cluster: '' })
  const compiled: { transform: Transform; upTo: number }[] = []
  let upTo = 0
  for (const { subject: to, weight } of all) {
    const transform = compileTransform(subject, to === subject ? identity : to)
    if ('error' in transform) return transform
    upTo += weight
    compiled.push({ transform, upTo })
  }
  return { source: compiled[0].transform, destinations: compiled }
}

/** All mappings of an account; the first whose subject matches is taken. */
export class Mappings {
  private readonly list: readonly Mapping[]
  /** What was found for the subjects seen last. */
  private readonly found = new Map<string, Mapping | undefined>()

  constructor(list: readonly Mapping[]) {
    this.list = list
  }

  get isEmpty(): boolean {
    return this.list.length === 0
  }

  /** Filters of the subjects that are mapped; byte strings. */
  get sources(): readonly string[] {
    return this.list.map(({ source }) => source.source)
  }

  /** The mapping for a subject (byte string); undefined if it stays as it is, as what is no subject does. */
  find(subject: string): Mapping | undefined {
    if (this.found.has(subject)) return this.found.get(subject)
    const tokens = subject.split('.')
    const mapping = this.list.find(({ source }) => isMappedBy(source, tokens))
    if (this.found.size >= CACHE_MAX) this.found.clear()
    this.found.set(subject, mapping)
    return mapping
  }
}

/**
 * Clients may publish to malformed subjects and to wildcards. As in nats-server, a `*` of the source matches neither
 * `>` nor an empty token, and `>` matches any rest.
 */
function isMappedBy(source: Transform, tokens: readonly string[]): boolean {
  if (!source.matches(tokens)) return false
  if (!tokens.includes('>') && !tokens.includes('')) return true
  return source.source.split('.').every((token, i) => token !== '*' || (tokens[i] !== '>' && tokens[i] !== ''))
}

/** Whether every message under the same subject goes the same way. */
export function isConstant({ destinations }: Mapping): boolean {
  return (
    destinations.length === 1 &&
    destinations[0].upTo === PERCENT &&
    !/\brandom\b/i.test(destinations[0].transform.destination)
  )
}

/** What a subject becomes this time; undefined: the message is lost. */
export function mapSubject({ destinations }: Mapping, subject: string): string | undefined {
  const at = Math.random() * PERCENT
  return destinations.find(({ upTo }) => at < upTo)?.transform.apply(subject.split('.'))
}
