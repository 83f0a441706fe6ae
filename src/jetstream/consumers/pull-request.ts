// What a client asks of a consumer that gives messages to who asks for them: how many, how large and how long it waits.
// An empty request asks for one, a number for so many, JSON for more; what is none of it asks for one.

import { DIGITS } from '../../text/scan.ts'
import { flag, integer, object, readJson, span, text } from '../request-json.ts'

const NS_PER_MS = 1e6
/** Digits of a number of messages. */
const NUMBER_MAX = 9

export interface PullRequest {
  readonly batch: number
  /** Bytes of all messages; 0: any. */
  readonly maxBytes: number
  /** 0: it waits until it is served. */
  readonly expiresMs: number
  /** It does not wait for messages that are still to come. */
  readonly noWait: boolean
  /** 0: none. */
  readonly heartbeatMs: number
  /** How it stands among others; undefined: the request does not know of that. */
  readonly priority: Priority | undefined
}

export interface Priority {
  readonly group: string
  /** It is served only where so much is pending, or unacknowledged; 0: whatever there is. */
  readonly minPending: number
  readonly minAckPending: number
  /** The pin that it was given; empty: none. */
  readonly id: string
  /** 0 comes first. */
  readonly priority: number
}

interface Body {
  batch: number
  expires: number
  no_wait: boolean
  max_bytes: number
  idle_heartbeat: number
  group: string
  min_pending: number
  min_ack_pending: number
  id: string
  priority: number
}

const BODY = object<Body>('JSApiConsumerGetNextRequest', {
  batch: integer,
  expires: span,
  no_wait: flag,
  max_bytes: integer,
  idle_heartbeat: span,
  group: text,
  min_pending: integer,
  min_ack_pending: integer,
  id: text,
  priority: integer,
})

const ONE: PullRequest = { batch: 1, maxBytes: 0, expiresMs: 0, noWait: false, heartbeatMs: 0, priority: undefined }

/** Reads a request, or says what is wrong with it. */
export function readPullRequest(body: Buffer): PullRequest | string {
  const asked = body.toString().trim()
  const isNumber = asked.length <= NUMBER_MAX && DIGITS.endOf(asked, 0) === asked.length
  if (isNumber) return { ...ONE, batch: Math.max(1, Number(asked)) }
  if (!asked.startsWith('{')) return ONE
  const { value = {}, fault } = readJson(asked, BODY, false)
  if (fault !== undefined) return fault === 'unexpected EOF' ? 'unexpected end of JSON input' : fault
  const { expires = 0, idle_heartbeat: heartbeat = 0 } = value
  if (heartbeat > 0 && heartbeat * 2 > expires) return 'heartbeat value too large'
  return {
    // What asks for none is given one.
    batch: Math.max(1, value.batch ?? 0),
    maxBytes: Math.max(0, value.max_bytes ?? 0),
    expiresMs: expires / NS_PER_MS,
    noWait: value.no_wait ?? false,
    heartbeatMs: Math.max(0, heartbeat) / NS_PER_MS,
    priority: {
      group: value.group ?? '',
      minPending: value.min_pending ?? 0,
      minAckPending: value.min_ack_pending ?? 0,
      id: value.id ?? '',
      priority: value.priority ?? 0,
    },
  }
}
