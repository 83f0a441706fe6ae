// The bytes of one direction of a connection as operations of the NATS protocol, and the messages among them.

/** One operation: a control line, and the payload that it announces. */
export interface Operation {
  /** In upper case; empty: bytes that are no NATS protocol, such as TLS. */
  readonly verb: string
  /** What follows the verb. */
  readonly args: readonly string[]
  /** Headers and payload; empty where the verb has none. */
  readonly payload: Buffer
  /** All of it, as it came; empty: it is of what carries the protocol, such as the handshake of a WebSocket. */
  readonly bytes: Buffer
  /** As it goes on, where that is something else: in a frame. */
  readonly wire?: Buffer
}

/** Makes operations of the bytes of one direction. */
export interface Splitter {
  /** The operations that are complete with this chunk. */
  split(chunk: Buffer): Operation[]
  /** What is left when the connection has ended. */
  rest(): Operation[]
}

/** The parts of PUB, HPUB, MSG and HMSG. */
export interface MessageParts {
  readonly subject: string
  /** Empty: none. */
  readonly reply: string
  /** The block of headers; undefined: none. */
  readonly headers: Buffer | undefined
  readonly data: Buffer
}

const LF = 10
const CRLF_BYTES = 2
/** A longer line is no line of the protocol: CONNECT of a client with certificates and tokens is far shorter. */
const LINE_MAX = 1024 * 1024
/** How many arguments stand in front of an optional reply subject; the last one or two are sizes. */
const MESSAGE_VERBS: Readonly<Record<string, { readonly before: number; readonly sizes: number }>> = {
  PUB: { before: 1, sizes: 1 },
  HPUB: { before: 1, sizes: 2 },
  MSG: { before: 2, sizes: 1 },
  HMSG: { before: 2, sizes: 2 },
}
const NO_BYTES = Buffer.alloc(0)

export class OperationSplitter implements Splitter {
  private chunks: Buffer[] = []
  private size = 0
  /** Of an operation that has begun: its size, or 0 while the end of its line has not come. */
  private wanted = 0
  /** Once something came that is no protocol, everything is passed on as it comes. */
  private isOpaque = false

  /** The operations that are complete with this chunk. */
  split(chunk: Buffer): Operation[] {
    this.chunks.push(chunk)
    this.size += chunk.length
    if (this.isCut(chunk)) return []
    const all = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks)
    const operations: Operation[] = []
    let at = 0
    while (at < all.length) {
      const operation = this.isOpaque ? opaque(all.subarray(at)) : this.next(all, at)
      if (operation === undefined) break
      operations.push(operation)
      at += operation.bytes.length
    }
    this.chunks = at < all.length ? [all.subarray(at)] : []
    this.size = all.length - at
    if (this.size === 0) this.wanted = 0
    return operations
  }

  /** What waits is still incomplete with this chunk: seen without a look at all of it. */
  private isCut(chunk: Buffer): boolean {
    if (this.isOpaque || this.chunks.length === 1) return false
    return this.wanted > 0 ? this.size < this.wanted : this.size <= LINE_MAX && !chunk.includes(LF)
  }

  /** What is left when the connection has ended. */
  rest(): Operation[] {
    return this.size === 0 ? [] : [opaque(Buffer.concat(this.chunks))]
  }

  private next(all: Buffer, start: number): Operation | undefined {
    const lineEnd = all.indexOf(LF, start)
    const first = all[start]
    const isText = first < 0x80 && (first >= 0x20 || first === LF || first === 0x0d || first === 0x09)
    if (!isText || (lineEnd < 0 && all.length - start > LINE_MAX)) return this.giveUp(all, start)
    if (lineEnd < 0) {
      this.wanted = 0
      return undefined
    }
    const [word = '', ...args] = all
      .toString('latin1', start, lineEnd)
      .trim()
      .split(/[ \t]/)
      .filter((arg) => arg !== '')
    const verb = word.toUpperCase()
    let end = lineEnd + 1
    let payload: Buffer = NO_BYTES
    if (Object.hasOwn(MESSAGE_VERBS, verb)) {
      const size = Number(args.at(-1))
      if (!Number.isSafeInteger(size) || size < 0) return this.giveUp(all, start)
      end += size + CRLF_BYTES
      if (all.length < end) {
        this.wanted = end - start
        return undefined
      }
      payload = all.subarray(lineEnd + 1, lineEnd + 1 + size)
    } else if (verb === 'CONNECT' || verb === 'INFO' || verb === '-ERR') {
      const text = all.toString('utf8', start, lineEnd).trim()
      return { verb, args: [text.slice(verb.length).trim()], payload, bytes: all.subarray(start, end) }
    }
    return { verb, args, payload, bytes: all.subarray(start, end) }
  }

  private giveUp(all: Buffer, start: number): Operation {
    this.isOpaque = true
    return opaque(all.subarray(start))
  }
}

function opaque(bytes: Buffer): Operation {
  return { verb: '', args: [], payload: NO_BYTES, bytes }
}

/** The message that an operation carries; undefined: it carries none. */
export function messageOf({ verb, args, payload }: Operation): MessageParts | undefined {
  if (!Object.hasOwn(MESSAGE_VERBS, verb)) return undefined
  const { before, sizes } = MESSAGE_VERBS[verb]
  const headerBytes = sizes === 2 ? Number(args.at(-2)) : 0
  return {
    // Of latin1, as the line was read; subjects are UTF-8.
    subject: utf8(args[0] ?? ''),
    reply: args.length > before + sizes ? utf8(args[before]) : '',
    headers: sizes === 2 ? payload.subarray(0, headerBytes) : undefined,
    data: payload.subarray(headerBytes),
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
