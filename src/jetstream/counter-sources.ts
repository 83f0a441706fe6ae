// `Nats-Counter-Sources`: what a counter was told by other streams, as the sum that each of their subjects had last. A
// sum that comes replaces the one before it, so that a message that was missed makes no difference in the end.
//
//     {"<stream>":{"<subject>":"<sum>",…},…}

import { goJson } from '../base/go-format.ts'

/** By stream, as `Nats-Stream-Source` names it, and by subject there; proper texts. */
export type CounterSources = Map<string, Map<string, string>>

/** Reads the header's value, a proper text; undefined: it makes no sense. */
export function readCounterSources(text: string): CounterSources | undefined {
  const sources: CounterSources = new Map()
  if (text === '') return sources
  const streams = membersOf(parsed(text))
  for (const [stream, said] of streams ?? []) {
    const subjects = membersOf(said)
    if (subjects === undefined) return undefined
    const sums = new Map<string, string>()
    for (const [subject, sum] of subjects) {
      if (sum !== null && typeof sum !== 'string') return undefined
      sums.set(subject, sum ?? '')
    }
    sources.set(stream, sums)
  }
  return streams && sources
}

/** The header's value, as Go writes maps; empty: there is nothing to say. */
export function counterSourcesText(sources: CounterSources): string {
  if (sources.size === 0) return ''
  return mapText(sources, (sums) => mapText(sums, (sum) => goJson(sum, 0)))
}

function mapText<T>(map: ReadonlyMap<string, T>, show: (value: T) => string): string {
  const names = [...map.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return `{${names.map((name) => `${goJson(name, 0)}:${show(map.get(name) as T)}`).join(',')}}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Members of what was read; undefined: it has none. As Go reads maps, null is an empty one. */
function membersOf(value: unknown): [name: string, value: unknown][] | undefined {
  if (value === null) return []
  return typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : undefined
}
