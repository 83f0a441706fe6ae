// The opening handshake as a client has it (RFC 6455, 4.1): a request out, an answer in. Holds no socket.

import { createHash, randomBytes } from 'node:crypto'
import { offersIn, PERMESSAGE_DEFLATE } from './extensions.ts'
import { DEFLATE_ANSWER, GUID, NO_MASKING } from './handshake.ts'
import { hasToken, readHeaders } from './request.ts'

const KEY_BYTES = 16
/** What makes messages independent of each other, in both directions. */
const NO_CONTEXT = ['server_no_context_takeover', 'client_no_context_takeover']

export interface WebSocketTarget {
  /** `host:port`, for the header Host. */
  readonly host: string
  readonly path: string
  /** permessage-deflate is asked for. */
  readonly compression: boolean
  /** Frames are masked even if the server would do without. */
  readonly masking: boolean
}

/** What was agreed upon. */
export interface Agreement {
  readonly compression: boolean
  /** This side masks its frames. */
  readonly masks: boolean
}

export class ClientHandshake {
  /** A byte string. */
  readonly request: string
  private readonly key = randomBytes(KEY_BYTES).toString('base64')
  private readonly target: WebSocketTarget

  constructor(target: WebSocketTarget) {
    this.target = target
    const { host, path, compression, masking } = target
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${this.key}`,
      'Sec-WebSocket-Version: 13',
      ...(compression ? [`Sec-WebSocket-Extensions: ${DEFLATE_ANSWER}`] : []),
      ...(masking ? [] : [`${NO_MASKING}: true`]),
    ]
    this.request = `${lines.join('\r\n')}\r\n\r\n`
  }

  /** Judges the head of the answer (a byte string, without its empty line). Undefined: there is no WebSocket. */
  judge(head: string): Agreement | 'invalid websocket connection' | 'invalid compression negotiation' {
    const lines = head.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    const headers = readHeaders(lines)
    const isSwitched = /^HTTP\/1\.[01] 101(?: |$)/.test(lines[0])
    if (!isSwitched || headers === undefined) return 'invalid websocket connection'
    const accept = createHash('sha1')
      .update(this.key + GUID)
      .digest('base64')
    const isWebSocket =
      hasToken({ headers }, 'upgrade', 'websocket') &&
      hasToken({ headers }, 'connection', 'upgrade') &&
      headers.get('sec-websocket-accept')?.[0] === accept
    if (!isWebSocket) return 'invalid websocket connection'
    const answers = (headers.get('sec-websocket-extensions') ?? []).flatMap((header) => offersIn(header) ?? [])
    const deflate = answers.find(({ name }) => name === PERMESSAGE_DEFLATE)
    if (
      deflate !== undefined &&
      !(this.target.compression && NO_CONTEXT.every((name) => deflate.parameters.has(name)))
    ) {
      return 'invalid compression negotiation'
    }
    const isUnmasked = !this.target.masking && headers.get(NO_MASKING.toLowerCase())?.[0] === 'true'
    return { compression: deflate !== undefined, masks: !isUnmasked }
  }
}
