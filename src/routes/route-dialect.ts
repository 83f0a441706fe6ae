// The heads of messages on routes: one dialect for all routes of a thread, so that they share what is encoded.

import { LinkComposer } from '../protocol/link-encoder.ts'

/** A head is copied before the next one is composed. */
export const ROUTE_DIALECT = new LinkComposer('route')
