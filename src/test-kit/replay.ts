// Plays a recorded conversation to a server, and compares what that says with what the file says. The clients of the
// recording are sockets; their operations go out in the recorded order, each after what the server had said before.

import { connect, type Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import { type Operation, OperationSplitter } from './operations.ts'
import { type RecordedOperation, readRecording } from './recording.ts'

export interface ReplayOptions {
  /** The server, `nats://127.0.0.1:4222`. */
  url: string
  /** Milliseconds to wait for each operation of the server; default 1,000. */
  timeout?: number
}

/** Where the server said something else than in the recording. */
export interface Difference {
  /** The number of the client. */
  readonly client: number
  /** What the recording has, and what came; undefined: nothing. */
  readonly expected: string | undefined
  readonly got: string | undefined
}

const TIMEOUT_MS = 1000
const DEFAULT_PORT = 4222
/** What INFO says of the server itself, and not of this run of it. */
const COMPARED_INFO = ['auth_required', 'headers', 'jetstream', 'max_payload', 'nonce', 'proto', 'tls_required']
/** Its value differs each time: only that there is one is compared. */
const VOLATILE_INFO = ['nonce']

/**
 * Resolves to the differences: none, if the server behaves as it did. PINGs of the server and what answers them are
 * left out on both sides, and of INFO only what belongs to the configuration is compared. Where the server requires TLS
 * after INFO, it gets that, whatever its certificate. Rejects if the file is no recording or the server cannot be
 * reached.
 */
export async function replay(file: string, { url, timeout = TIMEOUT_MS }: ReplayOptions): Promise<Difference[]> {
  const { hostname, port } = new URL(url)
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || DEFAULT_PORT }
  const peers = new Map<number, ReplayedClient>()
  const differences: Difference[] = []
  let sender: ReplayedClient | undefined
  try {
    for (const recorded of readRecording(file)) {
      const { client, from } = recorded
      const peer = peers.get(client) ?? (await ReplayedClient.connect(address, client, timeout))
      peers.set(client, peer)
      for (const operation of operationsOf(recorded)) {
        if (from === 'server') await peer.expect(operation, differences)
        else {
          // What one client has sent takes effect before what another one sends.
          if (sender !== peer) await sender?.settle()
          sender = peer
          peer.send(operation)
        }
      }
    }
    for (const peer of peers.values()) {
      await peer.settle()
      peer.expectNothing(differences)
    }
  } finally {
    for (const peer of peers.values()) peer.close()
  }
  return differences
}

function operationsOf({ bytes, from }: RecordedOperation): Operation[] {
  const splitter = new OperationSplitter()
  const left = from === 'server' ? 'PING' : 'PONG'
  return [...splitter.split(bytes), ...splitter.rest()].filter(({ verb }) => verb !== left)
}

class ReplayedClient {
  private readonly number: number
  private readonly timeoutMs: number
  private socket: Socket
  private readonly splitter = new OperationSplitter()
  private readonly arrived: Operation[] = []
  /** PINGs without an answer, the oldest first: those of the recording, and those of settle(). */
  private readonly pings: ('recorded' | 'own')[] = []
  private ownPongs = 0
  private hasConnected = false
  private isSecure = false
  private isOver = false
  /** The recording and the server went apart: there is nothing to compare any more. */
  private isLost = false
  private wake: () => void = () => undefined

  private constructor(socket: Socket, number: number, timeoutMs: number) {
    this.socket = socket
    this.number = number
    this.timeoutMs = timeoutMs
    this.listen(socket)
  }

  private listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      for (const operation of this.splitter.split(chunk)) this.take(operation)
      this.wake()
    })
    socket.on('error', () => undefined) // 'close' follows
    socket.on('close', () => {
      this.isOver = true
      this.wake()
    })
  }

  static connect(address: { host: string; port: number }, number: number, timeoutMs: number): Promise<ReplayedClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...address, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new ReplayedClient(socket, number, timeoutMs))
      })
    })
  }

  private take(operation: Operation): void {
    if (operation.verb === 'PING') {
      this.socket.write('PONG\r\n')
      return
    }
    if (operation.verb === 'PONG' && this.pings.shift() === 'own') this.ownPongs++
    else this.arrived.push(operation)
    if (operation.verb === 'INFO' && infoOf(operation)['tls_required'] === true) this.secure()
  }

  /** What is written from now on waits for the handshake. */
  private secure(): void {
    if (this.isSecure) return
    this.isSecure = true
    this.socket.removeAllListeners('data')
    this.socket = secure({ socket: this.socket, rejectUnauthorized: false })
    this.listen(this.socket)
  }

  send({ verb, bytes }: Operation): void {
    if (verb === 'PING') this.pings.push('recorded')
    if (verb === 'CONNECT') this.hasConnected = true
    this.socket.write(bytes)
  }

  /** The server has processed all that was sent, or does not answer. */
  async settle(): Promise<void> {
    if (!this.hasConnected || this.isOver || this.isLost) return
    const wanted = this.ownPongs + 1
    this.pings.push('own')
    this.socket.write('PING\r\n')
    await this.until(() => this.ownPongs >= wanted)
  }

  /** The next operation of the server should be this one. */
  async expect(expected: Operation, differences: Difference[]): Promise<void> {
    if (this.isLost) return
    await this.until(() => this.arrived.length > 0)
    const got = this.arrived.shift()
    if (got === undefined) this.isLost = true
    const [expectedText, gotText] = [textOf(expected), got && textOf(got)]
    if (expectedText !== gotText) differences.push({ client: this.number, expected: expectedText, got: gotText })
  }

  expectNothing(differences: Difference[]): void {
    for (const operation of this.arrived) {
      differences.push({ client: this.number, expected: undefined, got: textOf(operation) })
    }
  }

  close(): void {
    this.socket.destroy()
  }

  /** Waits until it is so, the connection is over, or the time is. */
  private async until(isSo: () => boolean): Promise<void> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.wake()
    }, this.timeoutMs)
    while (!isSo() && !this.isOver && !isLate) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    clearTimeout(timer)
  }
}

/** An operation as it is compared. */
function textOf(operation: Operation): string {
  const { verb, bytes } = operation
  if (verb !== 'INFO') return bytes.toString('latin1')
  const info = infoOf(operation)
  const compared = COMPARED_INFO.filter((name) => Object.hasOwn(info, name)).map((name) => [
    name,
    VOLATILE_INFO.includes(name) || info[name],
  ])
  return `INFO ${JSON.stringify(Object.fromEntries(compared))}`
}

function infoOf({ args }: Operation): Record<string, unknown> {
  return JSON.parse(args[0]) as Record<string, unknown>
}
