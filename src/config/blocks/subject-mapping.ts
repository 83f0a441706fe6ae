// Checks of subject mappings in a configuration (docs/reference/accounts.md, "Subject mappings"), with nats-server's
// texts. subjects/transform.ts alone defines what a destination may contain.

import { isValidSubject } from '../../subjects/filter.ts'
import { compileTransform } from '../../subjects/transform.ts'

const BAD = 'invalid mapping destination'

/** Why `source` cannot be mapped to `destination`; undefined if it can. */
export function whyNoMapping(source: string, destination: string): string | undefined {
  if (destination === '') return undefined
  const tokens = destination.split('.')
  for (const [i, token] of tokens.entries()) {
    if (token === '' || (token === '>' && i < tokens.length - 1)) return `${BAD}: invalid transform`
    if (!isFunction(token) && /[\t\n\f\r ]/.test(token)) return `${BAD}: invalid transform`
  }
  return whyNoTransform(source, destination, false)
}

/** The same for imports, which must be able to turn the subject back: each wildcard, and nothing but wildcards. */
export function whyNoTransform(source: string, destination: string, reversible: boolean): string | undefined {
  const transform = compileTransform(source, destination, reversible)
  return 'error' in transform ? transform.error : undefined
}

/** A destination as a subject: a wildcard for each placeholder. */
export function withWildcards(destination: string): string {
  return destination
    .split('.')
    .map((token) => (/^\$[1-9]/.test(token) || /^\{\{\s*[wW]ildcard\s*\([^)]+\)\s*\}\}$/.test(token) ? '*' : token))
    .join('.')
}

function isFunction(token: string): boolean {
  return token.length > 4 && token.startsWith('{{') && token.endsWith('}}')
}

/** Why a destination list is refused as a whole; undefined if it is not. */
export function whyNoMappings(
  source: string,
  destinations: readonly { readonly subject: string; readonly weight: number; readonly cluster: string }[],
): string | undefined {
  if (!isValidSubject(source)) return 'invalid subject'
  const seen = new Set<string>()
  const totals = new Map<string, number>()
  for (const { subject, weight, cluster } of destinations) {
    if (seen.has(subject)) return `duplicate entry for ${JSON.stringify(subject)}`
    seen.add(subject)
    if (weight > 100) return 'individual weights need to be <= 100'
    const total = (totals.get(cluster) ?? 0) + weight
    if (total > 100) return 'total weight needs to be <= 100'
    totals.set(cluster, total)
    const wrong = whyNoMapping(source, subject)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
