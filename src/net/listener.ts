// A port for clients. Connections that come while no shard can take them wait here, accepted but not read.

import { type AddressInfo, createServer, type Server } from 'node:net'
import { hostPort } from '../base/addresses.ts'
import { LISTEN_BACKLOG } from '../base/constants.ts'
import { osErrorText, StartError } from '../base/errors.ts'
import { acceptHandles, type Handle } from '../base/node-private.ts'
import { listenOnUnixSocket } from './unix-socket.ts'

/**
 * Makes a server listen; `port` -1 takes a free one. As Go does it, 0.0.0.0 means every address of the machine, IPv6
 * included where the machine has it. Rejects if the port cannot be had.
 */
export async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  try {
    await listenAt(server, host === '0.0.0.0' ? '::' : host, port)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (host !== '0.0.0.0' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error
    await listenAt(server, host, port)
  }
  return server.address() as AddressInfo
}

function listenAt(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port: port === -1 ? 0 : port, backlog: LISTEN_BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The port cannot be had; the words are nats-server's, the code in brackets Node's. */
function listenError(host: string, port: number, error: unknown): StartError {
  const at = hostPort(host, port === -1 ? 0 : port)
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  return new StartError(`Error listening on port: ${at}, "listen tcp ${at}: ${osErrorText(error)}" (${code})`, error)
}

export class Listener {
  /** The address and port in use; the address is `::` or `0.0.0.0` for all of them, or a path, with port 0. */
  readonly address: string
  readonly port: number
  private readonly server: Server
  /** Accepted while no shard could take them, oldest first. */
  private waiting: Handle[] = []
  /** Offered each connection; returns whether it took it. */
  private take: (handle: Handle) => boolean = () => false
  private closed = false
  private readonly onClose: () => void

  /** `port` -1 takes a free one. Rejects if the port cannot be had. */
  static async open(host: string, port: number): Promise<Listener> {
    const server = createServer()
    try {
      return new Listener(server, await listen(server, host, port))
    } catch (error) {
      throw listenError(host, port, error)
    }
  }

  /** On a Unix socket, whose file has the permissions `mode`. Rejects with a StartError if the path cannot be had. */
  static async openUnix(path: string, mode: number): Promise<Listener> {
    const server = createServer()
    const remove = await listenOnUnixSocket(server, path, mode)
    return new Listener(server, { address: path, port: 0 }, remove)
  }

  private constructor(server: Server, { address, port }: Omit<AddressInfo, 'family'>, onClose = (): void => undefined) {
    this.server = server
    this.address = address
    this.port = port
    this.onClose = onClose
    acceptHandles(server, (handle) => this.serverOnHandle(handle))
  }

  /** From now on connections, including waiting ones, are offered to `take`, and errors passed to `onError`. */
  serve(take: (handle: Handle) => boolean, onError: (error: Error) => void): void {
    this.take = take
    this.server.on('error', onError)
    this.offerWaiting()
  }

  /** A shard can take connections again: offers the waiting ones once more. */
  offerWaiting(): void {
    for (const handle of this.waiting.splice(0)) this.serverOnHandle(handle)
  }

  private serverOnHandle(handle: Handle): void {
    if (this.closed) handle.close()
    else if (!this.take(handle)) {
      if (this.waiting.length < LISTEN_BACKLOG) this.waiting.push(handle)
      else handle.close()
    }
  }

  /** The port is free again when this returns; connections that wait are closed. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.server.close()
    this.onClose()
    for (const handle of this.waiting.splice(0)) handle.close()
  }

  get isOpen(): boolean {
    return !this.closed
  }
}
