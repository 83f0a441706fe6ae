// What a subscriber has got, counted in bytes: the cheapest that a load can do. A sample is inspected now and then.

import { type BareConnection, PING, PONG } from './bare-connection.ts'
import type { Inspector } from './inspector.ts'

/** One read in so many is inspected, the first one among them. */
const INSPECTED = 256
/** PINGs that a server may send in a run: of two minutes at most, after which it would want answers. */
const PINGS_MAX = 4
const LAST = `${PONG}${PING}`

export class ByteReceiver {
  bytes = 0
  private reads = 0
  private readonly subscriber: number
  private readonly inspector: Inspector

  constructor(subscriber: number, inspector: Inspector) {
    this.subscriber = subscriber
    this.inspector = inspector
  }

  take(bytes: Buffer, connection: BareConnection): void {
    this.bytes += bytes.length
    if (this.reads++ % INSPECTED === 0) this.inspector.inspect(this.subscriber, bytes)
    if (endsWithPing(bytes)) connection.socket.writeText(PONG)
  }

  /** All that is owed seems to be here. Rejects if it is not exactly that, and PINGs, which came before a last PONG. */
  async confirm(connection: BareConnection, owed: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let tail = ''
    connection.reader = (bytes) => {
      this.bytes += bytes.length
      tail = `${tail}${bytes.toString('latin1', Math.max(0, bytes.length - LAST.length))}`.slice(-LAST.length)
      // A server that has not yet measured the way does it at the first PING of an older connection.
      if (!tail.endsWith(PONG) && tail !== LAST) return
      const more = this.bytes - PONG.length - owed
      const isExact = more >= 0 && more % PING.length === 0 && more <= PINGS_MAX * PING.length
      if (isExact) resolve()
      else reject(new Error(`subscriber ${this.subscriber} got ${more} bytes more than the ${owed} that it is owed`))
    }
    connection.socket.writeText(PING)
    await Promise.race([promise, connection.failed])
  }
}

const LINE_FEED = 0x0a
const CAPITAL_I = 0x49

/** Cheap, as nearly every read ends in a payload: no payload has a capital letter. */
function endsWithPing(bytes: Buffer): boolean {
  const { length } = bytes
  return (
    bytes[length - 1] === LINE_FEED && bytes[length - 5] === CAPITAL_I && bytes.toString('latin1', length - 6) === PING
  )
}
