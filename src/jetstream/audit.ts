// What is told of each request to the API that is answered: who asked for what, and what the answer was. It is told in
// the account where it was asked, if somebody listens there.

import { nowMs } from '../base/clock.ts'
import { streamEventHead } from '../base/event-head.ts'
import { goJson } from '../base/go-format.ts'
import type { Json } from '../base/json.ts'
import type { Sender } from './sender.ts'

const SUBJECT = '$JS.EVENT.ADVISORY.API'

/** A request, as it is told of. */
export interface Audited {
  /** Without its domain. */
  readonly subject: string
  readonly body: Buffer
  /** What is known of its publisher, in JSON as a byte string; empty: nothing. */
  readonly client: string
}

/** Whether somebody wants to be told. */
export function isAudited(sender: Sender): boolean {
  return sender.isHeard(SUBJECT)
}

/** `response`: the answer as it was sent. */
export function tellRequest(
  sender: Sender,
  server: { readonly name: string; readonly domain: string },
  { body, client, subject }: Audited,
  response: string,
): void {
  const event = {
    ...streamEventHead('advisory.v1.api_audit', nowMs()),
    server: server.name,
    client: client === '' ? undefined : (JSON.parse(Buffer.from(client, 'latin1').toString()) as Json),
    subject,
    request: body.length === 0 ? undefined : body.toString(),
    response,
    domain: server.domain === '' ? undefined : server.domain,
  }
  sender.send(SUBJECT, goJson(event, 0))
}
