// What a request asks for: its method, URL and Accept header.
//
//     POST /v1/subjects/SUBJECT                publish the body
//     POST /v1/requests/SUBJECT?timeout=2s     publish it, and answer what is answered
//     GET  /v1/subjects/FILTER?queue=GROUP     a stream of the messages

import { parseDuration } from '../base/duration.ts'
import { isValidFilter, isValidLiteral } from '../subjects/subject.ts'
import { splitUrl } from '../text/url.ts'
import { type Problem, Problems } from './problems.ts'

export type Wish =
  | { readonly kind: 'publish'; readonly subject: string }
  | { readonly kind: 'request'; readonly subject: string; readonly timeoutMs: number }
  | { readonly kind: 'stream'; readonly filter: string; readonly queue: string }

const PATH = /^\/v1\/(subjects|requests)\/([^/]+)$/
/** The longest wait for an answer. */
const TIMEOUT_MAX_MS = 10 * 60_000
/** What is written longer is refused. */
const TIMEOUT_CHARS_MAX = 32
const EVENT_STREAM = 'text/event-stream'

/** The parts of a request that say it. */
export interface Asked {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: { readonly accept?: string | undefined }
}

/** `timeoutMs`: of a request that names none. */
export function readWish({ method, url = '', headers }: Asked, timeoutMs: number): Wish | Problem {
  const target = splitUrl(url)?.rest ?? url
  const queryAt = target.indexOf('?')
  const path = PATH.exec(queryAt < 0 ? target : target.slice(0, queryAt))
  if (path === null) return Problems.notFound
  const [, what, encoded] = path
  const subject = decoded(encoded)
  if (subject === undefined) return Problems.badRequest('the subject is not percent-encoded UTF-8')
  const query = new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt + 1))
  if (what === 'requests') return method === 'POST' ? readRequest(subject, query, timeoutMs) : Problems.method('POST')
  if (method === 'GET') return readStream(subject, query, headers.accept ?? '')
  if (method !== 'POST') return Problems.method('GET, POST')
  return whyNot(subject, isValidLiteral) ?? unknownIn(query, []) ?? { kind: 'publish', subject }
}

function readRequest(subject: string, query: URLSearchParams, otherwise: number): Wish | Problem {
  const wrong = whyNot(subject, isValidLiteral) ?? unknownIn(query, ['timeout'])
  if (wrong !== undefined) return wrong
  const given = query.get('timeout')
  const timeout = given === null ? { ms: otherwise } : parseDuration(given.length > TIMEOUT_CHARS_MAX ? '' : given)
  if ('wrong' in timeout || !(timeout.ms > 0 && timeout.ms <= TIMEOUT_MAX_MS)) {
    return Problems.badRequest('timeout must be a time span of at most 10m, such as 500ms or 2s')
  }
  return { kind: 'request', subject, timeoutMs: timeout.ms }
}

function readStream(filter: string, query: URLSearchParams, accept: string): Wish | Problem {
  const wrong = whyNot(filter, isValidFilter) ?? unknownIn(query, ['queue'])
  if (wrong !== undefined) return wrong
  if (!accept.toLowerCase().includes(EVENT_STREAM)) return Problems.notAcceptable
  const queue = query.get('queue') ?? ''
  if (hasBlanks(queue)) return Problems.badRequest('the name of a queue group must not contain spaces')
  return { kind: 'stream', filter, queue }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function whyNot(subject: string, isValid: (subject: string) => boolean): Problem | undefined {
  return isValid(subject) && !hasBlanks(subject) ? undefined : Problems.badRequest('invalid subject')
}

/** What would end an argument of the protocol, or a line of it. */
function hasBlanks(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) <= 0x20 || text.charCodeAt(i) === 0x7f) return true
  return false
}

/** A misspelled parameter must not be taken in silence. */
function unknownIn(query: URLSearchParams, known: readonly string[]): Problem | undefined {
  const names = [...query.keys()]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) return Problems.badRequest(`unknown parameter ${JSON.stringify(unknown)}`)
  return names.length > new Set(names).size ? Problems.badRequest('a parameter is given twice') : undefined
}
