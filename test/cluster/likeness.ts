// In what two servers differ that had the same conversation, as lines that a person can read. Verbs and JSON are
// compared member by member; interest in any order between two messages, as a server tells it in the order of a map.

import type { Said } from './conversation.ts'
import type { Operation } from './recording.ts'

/** A difference that is meant: what it looks like, and why. */
export type Meant = readonly [pattern: RegExp, reason: string]

/** Members of INFO and CONNECT that each server has of its own: there, and of the same type. */
const OWN = new Set([
  'server_id',
  'go',
  'host',
  'port',
  'nonce',
  'ip',
  'client_id',
  'connect_urls',
  'leafnode_urls',
  'sig',
])

/** What a server makes up, so that two say the same. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\bN[A-Z2-7]{55}\b/g, '<id>'],
  [/\$LDS\.\w{22}/g, '$LDS.<own>'],
  [/\b_R_\.\w+(\.\w+)*/g, '_R_.<own>'],
  [/(\$SYS\._INBOX|\$SYS\.LATENCY\.M2)\.\w{8}/g, '$1.<own>'],
]

const masked = (text: string): string => MASKS.reduce((all, [found, shown]) => all.replaceAll(found, shown), text)
const isJson = ({ verb }: Operation): boolean => verb === 'INFO' || verb === 'CONNECT'
const isInterest = ({ verb }: Operation): boolean => /^[RL]S[+-]$/.test(verb)
/** Events of the server itself: told when it gets to it, and with numbers of its own. */
const isOfSystem = ({ verb, text }: Operation): boolean => verb.endsWith('MSG') && /(^| )\$SYS\.\S/.test(text)

function lineOf(operation: Operation): string {
  const { verb, text, payload } = operation
  if (isJson(operation)) return verb
  const shown = payload === '' ? '' : ` ${JSON.stringify(payload)}`
  return masked(`${verb} ${verb.endsWith('MSG') ? inOrder(text) : text}${shown}`)
}

const eventOf = ({ verb, text }: Operation): string => `${verb} ${masked(text.replace(/ \d+$/, ''))}`

/** The arguments of a message, with queue groups in the order of their names: a server has them in a map. */
function inOrder(text: string): string {
  const [, head, groups, sizes] = /^(.*? (?:\| |\+ \S+ ))(.*?)((?: \d+)+)$/.exec(text) ?? ['', text, '', '']
  return head + groups.split(' ').sort().join(' ') + sizes
}

/** By key, so that what is told of one subject keeps its order. */
function byKey(a: Operation, b: Operation): number {
  const [left, right] = [a, b].map(({ text }) => masked(text.replace(/ \d+$/, '')))
  return left < right ? -1 : left > right ? 1 : 0
}

/** The lines of a step, interest between two others in the order of its keys. */
function linesOf(operations: readonly Operation[]): string[] {
  const lines: string[] = []
  let run: Operation[] = []
  const flush = (): void => {
    lines.push(...run.sort(byKey).map(lineOf))
    run = []
  }
  for (const operation of operations.filter((one) => !isOfSystem(one))) {
    if (isInterest(operation)) run.push(operation)
    else {
      flush()
      lines.push(lineOf(operation))
    }
  }
  flush()
  return lines
}

/** Which events there were, in all steps together. */
const eventsOf = (steps: readonly (readonly Operation[])[]): string[] => [
  ...new Set(steps.flat().filter(isOfSystem).map(eventOf)),
]

/** Elements of `some` that `others` has not, each as often as it is missing. */
function without(some: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return some.filter((line) => {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

function differencesOfLines(recorded: readonly string[], got: readonly string[]): string[] {
  const lacking = without(recorded, got).map((line) => `lacks ${line}`)
  const additional = without(got, recorded).map((line) => `has ${line}`)
  const found = [...lacking, ...additional]
  if (found.length > 0 || recorded.join('\n') === got.join('\n')) return found
  return [`says in another order: ${got.join(' | ')} instead of ${recorded.join(' | ')}`]
}

function differencesOfJson({ verb, text: recorded }: Operation, { text: got }: Operation): string[] {
  const [theirs, ours] = [JSON.parse(recorded), JSON.parse(got)] as Record<string, unknown>[]
  const found: string[] = []
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const isOwn = OWN.has(name) || (verb === 'CONNECT' && name === 'name')
    const shown = (value: unknown): string => (isOwn ? typeof value : JSON.stringify(value))
    if (!(name in ours)) found.push(`${verb} lacks ${name}`)
    else if (!(name in theirs)) found.push(`${verb} has ${name}`)
    else if (shown(ours[name]) !== shown(theirs[name]))
      found.push(`${verb} has ${name} ${shown(ours[name])} instead of ${shown(theirs[name])}`)
  }
  return found
}

/** `steps`: their names, the first one’s is that of the handshake. */
export function differences(recorded: Said, got: Said, steps: readonly string[]): string[] {
  const found: string[] = []
  for (const place of new Set([...recorded.keys(), ...got.keys()])) {
    const [theirs, ours] = [recorded.get(place), got.get(place)]
    if (theirs === undefined || ours === undefined) {
      found.push(`${place}: ${ours === undefined ? 'lacks' : 'has'} the connection`)
      continue
    }
    for (const [i, step] of steps.entries()) {
      const [said, answered] = [theirs[i], ours[i]]
      const [before, now] = [said, answered].map((operations) => operations.filter(isJson))
      const ofJson = before.flatMap((one, at) => (at < now.length ? differencesOfJson(one, now[at]) : []))
      const ofLines = differencesOfLines(linesOf(said), linesOf(answered))
      found.push(...[...ofLines, ...ofJson].map((text) => `${place}, ${step}: ${text}`))
    }
    found.push(...differencesOfLines(eventsOf(theirs).sort(), eventsOf(ours).sort()).map((text) => `${place}: ${text}`))
  }
  return found
}

/** Those that no reason is given for. */
export function unexplained(found: readonly string[], meant: readonly Meant[]): string[] {
  return found.filter((text) => !meant.some(([pattern]) => pattern.test(text)))
}
