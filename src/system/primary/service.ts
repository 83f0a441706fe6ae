// A service of the system account: its request, its context, and its answer.

import type { Json } from '../../base/json.ts'
import type { PageContext } from '../../monitor/page.ts'
import type { SystemRequest } from '../contract.ts'
import type { DeskOwner } from './owner.ts'
import type { BodyShape, RequestOptions } from './request-options.ts'

/** What a service says; undefined: nothing. */
export type Reply =
  /** In an envelope; `data` goes before an error. */
  | { readonly data?: Json; readonly error?: Readonly<Record<string, Json>> }
  /** As it is. */
  | { readonly bare: Json }
  /** Messages as they are. */
  | { readonly texts: readonly string[] }
  | undefined

/** The context of a service. */
export interface ServiceCall {
  readonly request: SystemRequest
  readonly options: RequestOptions
  readonly context: PageContext
  readonly system: DeskOwner
}

export interface ServiceEntry {
  readonly shape: BodyShape
  /** The body is no JSON: the service reads it. */
  readonly isRaw?: true
  /** It has an effect even where no answer is awaited. */
  readonly worksUnheard?: true
  readonly answer: (call: ServiceCall) => Reply | Promise<Reply>
}
