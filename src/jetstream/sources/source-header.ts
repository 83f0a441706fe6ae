// `Nats-Stream-Source`, by which a message says where it comes from:
//
//     <stream>[:<hash of api>][:C=<hash of consumer>] <sequence> <filters> <destinations> <subject> [<identity>]
//
// Older servers wrote `<stream> <sequence>`, or the subject by which the message could have been acknowledged.

import { parseDelivery } from './delivery.ts'

/** Where a message comes from. */
export interface SourceOf {
  readonly origin: string
  /** As indexName() has it; empty: an older server did not say. */
  readonly index: string
  readonly seq: number
  /** Of the stream at that time (Stream.identity); empty: it was not said. */
  readonly identity: string
}

/** The value of the header; byte strings. */
export function sourceHeader(index: string, seq: number, subject: string, identity: string): string {
  const [origin, filters, destinations] = index.split(' ')
  return `${origin} ${seq} ${filters} ${destinations} ${subject}${identity === '' ? '' : ` ${identity}`}`
}

/** Reads it; undefined: it makes no sense. */
export function readSourceHeader(value: string): SourceOf | undefined {
  const delivery = parseDelivery(value)
  if (delivery !== undefined) return { origin: delivery.stream, index: '', seq: delivery.seq, identity: '' }
  const fields = value.split(' ')
  const seq = Number(fields[1])
  if (!(Number.isSafeInteger(seq) && seq > 0) || fields.length === 3) return undefined
  const index = fields.length < 4 ? '' : `${fields[0]} ${fields[2]} ${fields[3]}`
  return { origin: fields[0], index, seq, identity: fields[5] ?? '' }
}
