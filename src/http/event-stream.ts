// Messages as server-sent events. Each is one line of JSON: nothing in a message can end its event, or begin another.

import { isUtf8 } from 'node:buffer'
import type { Msg } from '../client/api.ts'
import type { Problem } from './problems.ts'

/** A sign of life, which readers of events pass over. */
export const HEARTBEAT = ':\n\n'

/** The first lines; `isResumed`: the reader says which event it had last. */
export function beginning(isResumed: boolean): string {
  const lost = isResumed ? ': messages are not stored: those published since your last event are lost\n' : ''
  return `${lost}: subscribed\n\n`
}

/** `payload` is text; bytes that are not UTF-8 come as `payload_base64`. */
export function eventOf(message: Msg): string {
  const { subject, reply, headers, data } = message
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const event = {
    subject,
    reply: reply || undefined,
    headers: headers === undefined ? undefined : Object.fromEntries(headers),
    ...(isUtf8(bytes) ? { payload: bytes.toString() } : { payload_base64: bytes.toString('base64') }),
  }
  return `data: ${JSON.stringify(event)}\n\n`
}

/** The last event: why the stream ends. */
export function endOf({ code, text }: Problem): string {
  return `event: error\ndata: ${JSON.stringify({ code, error: text })}\n\n`
}
