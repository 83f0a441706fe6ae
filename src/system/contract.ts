// Messages about the system account between shards and the primary.

import type { Service } from './services.ts'

/** A request as the primary gets it. */
export interface SystemRequest {
  readonly service: Service
  /** The account of the connection that asks. */
  readonly asker: string
  readonly hasReply: boolean
  /** The header Accept-Encoding; empty: none. */
  readonly acceptEncoding: string
  readonly body: Uint8Array
}

/** One message or several, in their order. */
export interface SystemAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly payloads: readonly Uint8Array[]
}

/** Something to be published in the system account. */
export interface SystemMessage {
  readonly subject: string
  readonly payload: Uint8Array
}
