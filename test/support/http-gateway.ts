// A server with a port for HTTP, and what talks to it: fetch, events, and bytes as they are.

import { connect as connectSocket, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type ConnectionOptions, connect, type NatsConnection } from '../../src/client/index.ts'
import type { HeddleServer, ServerOptions } from '../../src/index.ts'
import { ownServer } from './harness.ts'
import { DEADLINE_MS, within } from './until.ts'

export const EVENTS = { accept: 'text/event-stream' }

export class Gateway {
  readonly server: HeddleServer

  private constructor(server: HeddleServer) {
    this.server = server
  }

  /** `block`: what `http_gateway` says besides. */
  static async start(options: ServerOptions = {}, block: object = {}): Promise<Gateway> {
    const httpGateway = { host: '127.0.0.1', port: -1, noTls: true, ...block }
    return new Gateway(await ownServer({ workers: 0, httpGateway, ...options }))
  }

  get port(): number {
    return this.server.httpGatewayPort ?? 0
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return within(path, fetch(`http://127.0.0.1:${this.port}${path}`, init))
  }

  post(path: string, body = '', headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', body, headers })
  }

  /** A NATS client of the same server. */
  async nats(options: ConnectionOptions = {}): Promise<NatsConnection> {
    const nc = await connect({ servers: this.server.url, reconnect: false, timeout: DEADLINE_MS, ...options })
    onTestFinished(() => nc.close())
    return nc
  }

  /** Opens a stream of events. */
  async events(path: string, headers: Record<string, string> = {}): Promise<Events> {
    const aborter = new AbortController()
    onTestFinished(() => aborter.abort())
    return new Events(await this.fetch(path, { headers: { ...EVENTS, ...headers }, signal: aborter.signal }), aborter)
  }

  /** Sends bytes; answers everything that comes until the server closes. */
  async raw(...pieces: (string | Buffer)[]): Promise<string> {
    const socket = connectSocket(this.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
    })
    for (const piece of pieces) socket.write(piece)
    await end(socket)
    return text
  }
}

/** Waits until a socket is closed, with an error or without. */
export function end(socket: Socket): Promise<void> {
  return within('the end of a connection', new Promise((resolve) => socket.once('close', () => resolve())))
}

export class Events {
  readonly response: Response
  private readonly aborter: AbortController
  private readonly pieces: AsyncIterator<Uint8Array>
  private text = ''

  constructor(response: Response, aborter: AbortController) {
    this.response = response
    this.aborter = aborter
    this.pieces = (response.body as unknown as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  }

  /** The next block of lines, without the empty line behind it; undefined: the stream has ended. */
  async block(): Promise<string | undefined> {
    for (;;) {
      const end = this.text.indexOf('\n\n')
      if (end >= 0) {
        const block = this.text.slice(0, end)
        this.text = this.text.slice(end + 2)
        return block
      }
      const { value, done } = await within('an event', this.pieces.next())
      if (done === true) return undefined
      this.text += Buffer.from(value).toString()
    }
  }

  /** The next message. */
  async message(): Promise<Record<string, unknown>> {
    for (;;) {
      const block = await this.block()
      if (block === undefined) throw new Error('the stream has ended')
      if (block.startsWith('data: ')) return JSON.parse(block.slice('data: '.length)) as Record<string, unknown>
    }
  }

  /** The reader goes away. */
  close(): void {
    this.aborter.abort()
  }
}

/** What a refused request is told. */
export async function refusal(
  response: Response | Promise<Response>,
): Promise<[status: number, code: string, error: string]> {
  const told = await response
  const { code, error } = (await told.json()) as { code: string; error: string }
  return [told.status, code, error]
}
