// The protocols between servers read in the plainest way: whole lines, strings only, one operation after the other. The
// real parser must make the same calls, however its input is cut.

import type { LinkFormat } from '../../src/protocol/link-handler.ts'
import { goText } from '../../src/text/utf8.ts'
import { type FaultName, fault } from './calls.ts'

export interface LinkSettings {
  readonly format: LinkFormat
  readonly maxControlLine: number
  readonly maxPayload: number
}

/** A message as both sides write it down. `headerSize` is that of the line, 0 where it has none. */
export const message = (
  account: string,
  origin: string,
  subject: string,
  reply: string,
  queues: readonly string[],
  headerSize: number,
  payload: string,
): string =>
  `MESSAGE account [${account}] origin [${origin}] [${subject}] reply [${reply}] queues ${JSON.stringify(queues)} ` +
  `header ${headerSize} of ${payload.length} bytes [${payload}]`

export const interest = (
  account: string,
  subject: string,
  queue: string,
  weight: number,
  origin: string | undefined,
): string => `INTEREST account [${account}] origin [${origin}] [${subject}] queue [${queue}] weight ${weight}`

export const interestEnd = (account: string, subject: string, queue: string, origin: string | undefined): string =>
  `END account [${account}] origin [${origin}] [${subject}] queue [${queue}]`

const IGNORED = ['PING', 'PONG', '+OK']
const JSON_VERBS = ['CONNECT', 'INFO']
const OF_ROUTES = ['RS+', 'RS-', 'RMSG', 'A+', 'A-']
const OF_BOTH = ['LS+', 'LS-', 'LMSG', 'HMSG', '-ERR']

/** The calls that `input`, one char a byte, leads to. */
export function linkCalls(input: string, { format, maxControlLine, maxPayload }: LinkSettings): string[] {
  const verbs = [...IGNORED, ...JSON_VERBS, ...OF_BOTH, ...(format.kind === 'route' ? OF_ROUTES : [])]
  const calls: string[] = []
  const refuse = (name: FaultName): string[] => [...calls, fault(name)]
  let at = 0
  for (;;) {
    let verb = ''
    while (!verbs.includes(verb)) {
      if (at === input.length) return calls
      verb += upper(input[at++])
      if (!verbs.some((known) => known.startsWith(verb))) return refuse('unknownOperation')
    }
    if (IGNORED.includes(verb)) {
      const lineEnd = input.indexOf('\n', at)
      if (lineEnd < 0) return calls
      if (verb !== '+OK') calls.push(verb)
      at = lineEnd + 1
      continue
    }
    if (at === input.length) return calls
    if (!JSON_VERBS.includes(verb) && input[at] !== ' ' && input[at] !== '\t') return refuse('unknownOperation')
    while (input[at] === ' ' || input[at] === '\t') at++
    const lineEnd = input.indexOf('\n', at)
    const line = (lineEnd < 0 ? input.slice(at) : input.slice(at, lineEnd)).replace(/\r$/, '')
    if (lineEnd < 0) return input.length - at > maxControlLine + 1 ? refuse('controlLine') : calls
    if (line.length > maxControlLine) return refuse('controlLine')
    if (line.includes('\r')) return refuse('badArguments')
    at = lineEnd + 1
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    const text = goText(Buffer.from(line, 'latin1'))
    if (verb === 'CONNECT' || verb === 'INFO') calls.push(`${verb} ${text}`)
    else if (verb === '-ERR') calls.push(`ERR ${text.replace(/^'|'$/g, '')}`)
    else if (verb.endsWith('+') || verb.endsWith('-')) {
      const call = verb.startsWith('A') ? '' : readInterest(verb, words, format)
      if (call === undefined) return refuse('badArguments')
      if (call !== '') calls.push(call)
    } else {
      const head = readHead(verb, words, format)
      if (head === undefined) return refuse('badArguments')
      if (head.size > maxPayload) return refuse('payload')
      const end = at + head.size
      if (end < input.length && input[end] !== '\r') return refuse('unknownOperation')
      if (end + 1 < input.length && input[end + 1] !== '\n') return refuse('unknownOperation')
      if (end + 1 >= input.length) return calls
      calls.push(head.call(input.slice(at, end)))
      at = end + 2
    }
  }
}

/** Undefined: malformed; empty: of no effect. */
function readInterest(verb: string, words: string[], format: LinkFormat): string | undefined {
  const begins = verb.endsWith('+')
  const isLeafs = verb.startsWith('L')
  const hasOrigin = isLeafs && format.kind === 'route' && (begins || format.namesOriginOnEnd)
  const rest = [...words]
  const origin = hasOrigin ? rest.shift() : isLeafs ? '' : undefined
  const account = format.namesAccount ? rest.shift() : ''
  if (begins) {
    if (rest.length !== 1 && rest.length !== 3) return undefined
    const [subject, queue = '', weight = '1'] = rest
    return interest(account ?? '', subject, queue, weightOf(weight), origin)
  }
  if (rest.length !== 1 && rest.length !== 2) return format.kind === 'leaf' ? '' : undefined
  const [subject, queue = ''] = rest
  return interestEnd(account ?? '', subject, queue, origin)
}

function readHead(
  verb: string,
  words: string[],
  format: LinkFormat,
): { size: number; call: (payload: string) => string } | undefined {
  const ofRoute = format.kind === 'route'
  const rest = [...words]
  const origin = verb === 'LMSG' && ofRoute ? rest.shift() : ''
  const account = format.namesAccount ? rest.shift() : ''
  const size = sizeOf(rest.pop())
  const headerSize = verb === 'HMSG' || (verb === 'LMSG' && ofRoute) ? sizeOf(rest.pop()) : 0
  const subject = rest.shift()
  if (subject === undefined || size < 0 || headerSize < 0 || headerSize > size) return undefined
  let reply = ''
  const mark = rest.length > 1 ? rest.shift() : undefined
  if (mark !== undefined && mark !== '+' && mark !== '|') return undefined
  if (mark !== '|') reply = rest.shift() ?? ''
  const queues = rest
  return { size, call: (payload) => message(account ?? '', origin ?? '', subject, reply, queues, headerSize, payload) }
}

const sizeOf = (text = ''): number => (/^[0-9]{1,9}$/.test(text) ? Number(text) : -1)

function weightOf(text: string): number {
  return /^[0-9]{1,15}$/.test(text) ? Math.min(Math.max(Number(text), 1), 2 ** 31 - 1) : 1
}

/** Of ASCII letters only. */
function upper(char: string): string {
  return char >= 'a' && char <= 'z' ? char.toUpperCase() : char
}
