// A kind of request to the JetStream API.

import type { Json } from '../base/json.ts'
import type { AccountStreams } from './account-streams.ts'
import type { ApiError } from './errors.ts'

/** One request, on the shard that carries it out. */
export interface Call {
  readonly streams: AccountStreams
  /** Its subject without prefix, in tokens: byte strings. */
  readonly tokens: readonly string[]
  /** What the tokens name, as text: the stream, where it is about one. */
  readonly stream: string
  readonly body: Buffer
  /** Requests with members that nobody knows are refused. */
  readonly strict: boolean
  /** The stream that is meant (Stream.identity), for those who follow it; empty: any; undefined: nothing is said. */
  readonly identity: string | undefined
}

/** The members of an answer behind its type; or what is wrong with the request. */
export type Answer = { readonly [member: string]: Json } | { readonly error: ApiError }

/** An answer with a header block. */
export class HeadedAnswer {
  readonly headers: Buffer
  readonly members: Answer

  constructor(headers: Buffer, members: Answer) {
    this.headers = headers
    this.members = members
  }
}

export interface Verb {
  /** Without prefix; `*` stands for a name. */
  readonly subject: string
  /** What `type` of the answer ends in. */
  readonly type: string
  /** Where it is carried out: on any shard, or on the one that owns the stream that token number `stream` names. */
  readonly stream?: number
  /** Members that follow an error. */
  readonly besideError?: { readonly [member: string]: Json }
  /** It is refused by one server alone, whoever asks. */
  readonly isOfCluster?: boolean
  /** It is counted only where it is refused. */
  readonly isQuiet?: boolean
  /** Undefined: it is not answered. */
  answer(call: Call): Answer | Promise<Answer | HeadedAnswer | undefined>
}

export const refused = (error: ApiError): { readonly error: ApiError } => ({ error })
