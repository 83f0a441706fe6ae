// The protocol trace of operations and messages (docs/reference/logging.md, "The protocol trace"), without secrets.

import { quote } from '../base/errors.ts'
import { type Token, tokensOf } from '../text/json.ts'

/** What the trace needs to know of the server's options. */
export interface TraceOptions {
  /** Of messages, only their headers are shown. */
  readonly traceHeaders: boolean
  /** Bytes of a message that are shown; 0 = all. */
  readonly maxTracedMessageLength: number
}

/** `[VERB arguments]`; both are byte strings. */
export function traceOperation(verb: string, argument: string): string {
  const text = Buffer.from(argument === '' ? verb : `${verb} ${argument}`, 'latin1').toString('utf8')
  return verb === 'CONNECT' ? `[CONNECT ${withoutSecrets(text.slice('CONNECT '.length))}]` : `[${text}]`
}

/** `MSG_PAYLOAD: ["…"]` for a message whose first `headerSize` bytes are headers; undefined: nothing is to be shown. */
export function tracePayload(message: Buffer, headerSize: number, options: TraceOptions): string | undefined {
  // The headers end with an empty line, which is not shown.
  const size = options.traceHeaders ? headerSize - 2 : message.length
  if (size <= 0) return undefined
  const { maxTracedMessageLength: max } = options
  if (max === 0 || size <= max) return `MSG_PAYLOAD: [${quote(message.toString('latin1', 0, size))}]`
  return `MSG_PAYLOAD: [${quote(message.toString('latin1', 0, max)).slice(0, -1)}..."]`
}

/** Members of CONNECT whose values are shown, beside booleans. */
const SHOWN = new Set(['name', 'lang', 'version', 'protocol', 'user', 'account'])
const HIDDEN = '[REDACTED]'

/**
 * CONNECT's JSON as it came, but each value hidden that is not known to be harmless: passwords, tokens, signatures, and
 * unknown members. Text that is not JSON is hidden whole.
 */
function withoutSecrets(json: string): string {
  try {
    JSON.parse(json)
  } catch {
    return HIDDEN
  }
  let text = ''
  let taken = 0
  let isShown = false
  let latest: Token | undefined
  const put = (upTo: number): void => {
    text += json.slice(taken, upTo)
    taken = upTo
  }
  /** A string or number whose kind is known only by the next token: a name precedes a colon. */
  const settle = (isName: boolean): void => {
    if (latest === undefined) return
    const { kind, start, end } = latest
    latest = undefined
    if (isName) isShown = SHOWN.has((JSON.parse(json.slice(start, end)) as string).toLowerCase())
    else if (!isShown) {
      put(start)
      text += kind === 'number' ? HIDDEN : `"${HIDDEN}"`
      taken = end
    }
  }
  for (const token of tokensOf(json)) {
    settle(json[token.start] === ':')
    if (token.kind === 'string' || token.kind === 'number') latest = token
  }
  settle(false)
  put(json.length)
  return text
}
