// NATS in the frames of a WebSocket: the one of browsers, which Node has too. Whether it is encrypted, its URL says.

import { deferred } from './deferred.ts'
import { ConnectionError } from './errors.ts'
import type { Carrier, DialRequest, Transport, TransportEvents } from './transport.ts'

/** The members of a WebSocket that are used here: types of browsers and of Node differ. */
export interface WebSocketLike {
  binaryType: string
  readonly bufferedAmount: number
  send(bytes: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}

/** Makes a WebSocket to this URL, such as one with headers of its own. */
export type WebSocketFactory = (url: string) => WebSocketLike

const NORMAL = 1000

class WebSocketTransport implements Transport {
  readonly isSecure: boolean
  private readonly socket: WebSocketLike
  private readonly events: TransportEvents
  private readonly request: DialRequest
  private isOver = false
  private isClosing = false

  constructor(request: DialRequest, create: WebSocketFactory) {
    const { scheme, hostname, port, path } = request.server
    const host = hostname.includes(':') ? `[${hostname}]` : hostname
    this.request = request
    this.events = request.events
    this.isSecure = scheme === 'wss'
    this.socket = create(`${scheme}://${host}:${port}${path}`)
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }) => {
      if (!this.isOver && data instanceof ArrayBuffer) this.events.received(new Uint8Array(data))
    })
  }

  async connected(): Promise<this> {
    const { socket, request } = this
    const { promise, resolve, reject } = deferred()
    const abort = (): void => reject(request.signal.reason)
    request.signal.addEventListener('abort', abort, { once: true })
    socket.addEventListener('open', resolve)
    // What went wrong a WebSocket does not tell.
    socket.addEventListener('error', () => reject(new ConnectionError('connection refused')))
    socket.addEventListener('close', ({ code, reason }) => {
      reject(new ConnectionError('connection refused'))
      this.end(code, reason)
    })
    try {
      await promise
      return this
    } catch (error) {
      this.destroy()
      throw error
    } finally {
      request.signal.removeEventListener('abort', abort)
    }
  }

  private end(code: number, reason: string): void {
    if (this.isOver) return
    this.isOver = true
    if (this.isClosing) this.events.ended()
    else this.events.ended(new ConnectionError(reason || `the WebSocket was closed with code ${code}`))
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount
  }

  write(bytes: Uint8Array, taken: () => void): void {
    if (!this.isOver) this.socket.send(bytes as Uint8Array<ArrayBuffer>)
    // A copy was taken.
    taken()
  }

  /** Two rounds of microtasks: what a program publishes when it is told of messages goes out together. */
  defer(callback: () => void): void {
    queueMicrotask(() => queueMicrotask(callback))
  }

  close(): void {
    this.isClosing = true
    this.socket.close(NORMAL)
  }

  destroy(): void {
    this.close()
    // A browser waits for a peer that does not answer; the user of this does not.
    this.end(NORMAL, '')
  }
}

/** How to reach servers by WebSocket. */
export function webSocketCarrier(lang: string, create: WebSocketFactory): Carrier {
  return {
    scheme: 'wss',
    lang,
    dial: (request) => new WebSocketTransport(request, create).connected(),
  }
}

/** By the WebSocket that browsers and Node have. */
export function standardWebSocket(url: string): WebSocketLike {
  return new WebSocket(url) as unknown as WebSocketLike
}
