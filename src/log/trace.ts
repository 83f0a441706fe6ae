// What the trace shows of operations and messages (reference 18), with nothing in it that should stay secret.

import { quote } from '../errors.ts'

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
/** A string, with the colon behind it if it is a member's name; or a number. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*/g

/**
 * CONNECT's JSON as it came, but each value hidden that is not known to be harmless: passwords, tokens, signatures,
 * and what nobody has heard of yet. Text that is not JSON is hidden whole.
 */
function withoutSecrets(json: string): string {
  try {
    JSON.parse(json)
  } catch {
    return HIDDEN
  }
  let shown = false
  return json.replace(TOKEN, (token: string, text: string | undefined, colon: string | undefined) => {
    if (colon !== undefined) {
      shown = SHOWN.has((JSON.parse(text as string) as string).toLowerCase())
      return token
    }
    if (shown) return token
    return text === undefined ? HIDDEN : `"${HIDDEN}"`
  })
}
