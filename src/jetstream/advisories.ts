// What a server tells those who watch its streams: streams that are created, changed and deleted, and batches that came
// to nothing. Events go out in the account of the stream, to whoever listens.

import { nowMs } from '../base/clock.ts'
import { streamEventHead } from '../base/event-head.ts'
import { goJson } from '../base/go-format.ts'
import type { Json } from '../base/json.ts'
import { byteString, properText } from '../subjects/byte-string.ts'
import type { Sender } from './sender.ts'

const SUBJECT = '$JS.EVENT.ADVISORY.STREAM'

const ACTIONS = { CREATED: 'create', UPDATED: 'modify', DELETED: 'delete' } as const

/** Tells that something was done with a stream. */
export function tellAction(sender: Sender, stream: string, event: keyof typeof ACTIONS, domain: string): void {
  send(sender, `${SUBJECT}.${event}`, stream, 'stream_action', { stream, action: ACTIONS[event] }, domain)
}

/** Tells that a batch was given up. */
export function tellAbandoned(sender: Sender, stream: string, batch: string, reason: string, domain: string): void {
  const members = { account: properText(sender.account.name), stream, batch, reason }
  send(sender, `${SUBJECT}.BATCH_ABANDONED`, stream, 'stream_batch_abandoned', members, domain)
}

/** Tells how a snapshot or a restoration goes. */
export function tellBackup(
  sender: Sender,
  stream: string,
  event: 'SNAPSHOT_CREATE' | 'SNAPSHOT_COMPLETE' | 'RESTORE_CREATE' | 'RESTORE_COMPLETE',
  members: Readonly<Record<string, Json>>,
  domain: string,
): void {
  send(sender, `${SUBJECT}.${event}`, stream, event.toLowerCase(), members, domain)
}

function send(
  sender: Sender,
  subject: string,
  stream: string,
  type: string,
  members: Readonly<Record<string, Json>>,
  domain: string,
): void {
  const head = streamEventHead(`advisory.v1.${type}`, nowMs())
  const event = { ...head, ...members, domain: domain === '' ? undefined : domain }
  sender.send(`${subject}.${byteString(stream)}`, goJson(event, 0))
}
