// The reply subject of a delivered message, which says what it is:
//
//     $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<delivery>.<time>.<pending>
//     $JS.ACK.<domain>.<account>.<stream>.<consumer>.<deliveries>.<sequence>.<delivery>.<time>.<pending>, perhaps more

const PREFIX = '$JS.ACK.'
const SHORT = 9
const LONG_MIN = 11
/** Of nanoseconds, which end where microseconds do. */
const BELOW_US = 3

/** All names are byte strings. */
export interface Delivery {
  readonly stream: string
  readonly consumer: string
  /** How often it has been delivered. */
  readonly deliveries: number
  /** Its sequence in the stream. */
  readonly seq: number
  /** The number of this delivery. */
  readonly delivery: number
  /** When it was stored, in microseconds since 1970. */
  readonly timeUs: number
  /** Messages that are still to come. */
  readonly pending: number
}

/** Undefined: it is none. */
export function parseDelivery(reply: string): Delivery | undefined {
  if (!reply.startsWith(PREFIX)) return undefined
  const tokens = reply.split('.')
  const at = tokens.length === SHORT ? 2 : tokens.length >= LONG_MIN ? 4 : 0
  if (at === 0) return undefined
  const [stream, consumer, deliveries, seq, delivery, time, pending] = tokens.slice(at)
  const parsed = {
    stream,
    consumer,
    deliveries: Number(deliveries),
    seq: Number(seq),
    delivery: Number(delivery),
    timeUs: Number(time.slice(0, -BELOW_US)),
    pending: Number(pending),
  }
  const numbers = [parsed.deliveries, parsed.seq, parsed.delivery, parsed.timeUs, parsed.pending]
  return numbers.every((each) => Number.isSafeInteger(each) && each >= 0) && parsed.seq > 0 ? parsed : undefined
}
