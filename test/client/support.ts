// What tests of the client share: connections that end with their test, and servers to lose.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type ConnectionOptions, connect, type NatsConnection, type Status } from '../../src/client/index.ts'
import { DEADLINE_MS, within } from '../support/until.ts'

/** A connection that ends with the test. Reconnects are quick, and requests have time on a busy machine. */
export async function client(options: ConnectionOptions): Promise<NatsConnection> {
  const nc = await connect({ timeout: DEADLINE_MS, reconnectTimeWait: 20, reconnectJitter: 5, ...options })
  onTestFinished(() => nc.close())
  return nc
}

/** What an async iteration has, up to `count` items. */
export async function collect<T>(items: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = []
  if (count === 0) return all
  for await (const item of items) {
    all.push(item)
    if (all.length >= count) break
  }
  return all
}

/** The next event of this type. Listens from the call on. */
export function nextStatus<T extends Status['type']>(
  nc: NatsConnection,
  type: T,
): Promise<Extract<Status, { type: T }>> {
  const events = nc.status()
  const search = async (): Promise<Extract<Status, { type: T }>> => {
    for await (const status of events) if (status.type === type) return status as Extract<Status, { type: T }>
    throw new Error(`closed without ${type}`)
  }
  return within(`status ${type}`, search())
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { cause?: unknown }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not rejected')
}

/** Listens on a free port and says what a test makes it say: a server that goes wrong in ways that a real one does not. */
export class Impostor {
  readonly sockets = new Set<Socket>()
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
  }

  static async start(connected: (socket: Socket, number: number) => void, port = 0): Promise<Impostor> {
    const server = createServer()
    const impostor = new Impostor(server)
    let number = 0
    server.on('connection', (socket) => {
      impostor.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => impostor.sockets.delete(socket))
      connected(socket, number++)
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => impostor.stop())
    return impostor
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
}

/** What an impostor says at first. */
export function info(members: Record<string, unknown> = {}): string {
  const usual = { server_id: 'I', version: '2.12.0', proto: 1, headers: true, max_payload: 1048576, client_id: 1 }
  return `INFO ${JSON.stringify({ ...usual, ...members })}\r\n`
}

/** Plays a server that lets everybody in; `more` sees what is said after that. */
export function welcome(socket: Socket, members: Record<string, unknown> = {}, more?: (text: string) => void): void {
  socket.write(info(members))
  socket.setEncoding('latin1')
  socket.on('data', (data) => {
    const text = String(data)
    if (text.startsWith('CONNECT')) socket.write('PONG\r\n')
    more?.(text)
  })
}
