// Every use of Node's private parts: no public function does the same, or only at many times the cost.
// test/base/node-private.test.ts names the versions of Node for which this is valid; it has to pass before another
// version is used.
//
//     a connection's handle   can move to another thread; a Socket cannot, and nobody needs one where it is accepted
//     a Unix socket's handle  is of a kind that cannot move, unless it is opened as the one that can
//     what a handle does      reading and writing without a Socket takes half the time of a short connection, and a
//                             third of its memory: net.Socket is two streams with states and events of their own
//     a socket's listeners    what a socket that is gone refers to stays until the next full collection
//     what is below TLS       a server's events name the TLS socket only
//     what a kernel took      how much of a write is left tells a peer that reads slowly from one that reads nothing
//     a TLS socket's buffer   `onread` is an option of net.Socket only; 'data' events take 1.4 times the processor time
//     zlib's handle           zlib's synchronous functions make a state of 40 to 270 KB for each call: 12 µs to inflate
//                             150 bytes, against 0.5 µs

import assert from 'node:assert/strict'
import { type Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

function elsewhere(what: string): string {
  return `Node ${process.versions.node} keeps ${what} elsewhere`
}

/** A native module by its name: Node has these in reach of all its users, threads included. */
function nativeModule(name: string): Record<string, unknown> {
  const { binding: named } = process as unknown as { binding?: (name: string) => Record<string, unknown> | undefined }
  const found = named?.call(process, name)
  assert(found !== undefined, elsewhere(name))
  return found
}

// ── Handles ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Node's own end of a connection, without a Socket around it. */
export interface Handle {
  close(): void
}

interface AcceptedHandle extends Handle {
  setNoDelay(on: boolean): void
}

type OnConnection = (this: unknown, status: number, handle?: AcceptedHandle) => void

/**
 * From now on a server that listens gives each connection to `take`, without delays of small writes and not read yet,
 * and makes no Socket for it. Errors are events as ever.
 */
export function acceptHandles(server: Server, take: (handle: Handle) => void): void {
  const { _handle: listening } = server as unknown as { _handle?: { onconnection?: OnConnection } | null }
  const told = listening?.onconnection
  assert(listening && typeof told === 'function', elsewhere('where a server is told of connections'))
  listening.onconnection = function (status, handle) {
    if (status !== 0 || handle === undefined) {
      told.call(this, status, handle)
      return
    }
    handle.setNoDelay(true)
    take(handle)
  }
}

/**
 * Takes the connection out of a socket, which is of no use afterwards. It is not read from here on. Undefined if the
 * connection is gone.
 */
export function takeHandle(socket: Socket): Handle | undefined {
  assert('_handle' in socket, elsewhere('the handle of a socket'))
  const holder = socket as unknown as { _handle: (Handle & { reading: boolean; readStop(): number }) | null }
  const handle = holder._handle ?? undefined
  if (handle?.reading) {
    handle.readStop()
    // By this a socket over it knows that it has to begin.
    handle.reading = false
  }
  holder._handle = null
  return handle
}

/** A socket over a handle; `options` are those of net.Socket. */
export function socketWith(handle: Handle, options: object): Socket {
  return new Socket({ handle, ...options } as ConstructorParameters<typeof Socket>[0])
}

// ── Unix sockets ────────────────────────────────────────────────────────────────────────────────────────────

interface BoundHandle {
  readonly fd: number
  bind(path: string): number
  open(fd: number): number
}

type HandleClass = new (kind: number) => BoundHandle

/** The class of a kind of handles. */
function handleClass(module: string, name: string): HandleClass {
  const found = nativeModule(module)[name]
  assert(typeof found === 'function', elsewhere(`handles of the kind ${name}`))
  return found as HandleClass
}

/** Of a handle that will listen, in both kinds. */
const SERVER = 1

/**
 * Binds a Unix socket to `path`. Returns what `server.listen()` takes, or the number of an error, below 0. Nobody can
 * connect before it listens.
 *
 * Only handles of TCP move to other threads. The two kinds differ in how a socket is bound; accepting, reading and
 * writing are the same. So the socket is bound as a pipe and served as TCP. The handle that bound it is never closed:
 * it would close the same descriptor once more. Node closes it when the process ends, and deletes the file `path` then.
 */
export function bindUnixSocket(path: string): object | number {
  const bound = new (handleClass('pipe_wrap', 'Pipe'))(SERVER)
  const error = bound.bind(path)
  if (error < 0) return error
  const serving = new (handleClass('tcp_wrap', 'TCP'))(SERVER)
  const failed = serving.open(bound.fd)
  return failed < 0 ? failed : serving
}

// ── Reading and writing by a handle ─────────────────────────────────────────────────────────────────────────

/** An operation that a handle has not finished; it names what is not to be collected meanwhile. */
interface Request {
  oncomplete: ((status: number) => void) | undefined
  bytes?: unknown
}

interface StreamHandle extends Handle {
  onread: () => void
  readonly writeQueueSize: number
  useUserBuffer(buffer: Buffer): void
  readStart(): number
  readStop(): number
  writeBuffer(request: Request, bytes: Buffer): number
  writev(request: Request, pieces: readonly Buffer[], allBuffers: true): number
  shutdown(request: Request): number
  close(done?: () => void): void
  getpeername(name: { address?: string; port?: number }): number
}

interface StreamBinding {
  readonly WriteWrap: new () => Request
  readonly ShutdownWrap: new () => Request
  /** What the latest operation of a stream showed; the other members are places in it. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

let binding: StreamBinding | undefined

function streamBinding(): StreamBinding {
  if (binding === undefined) {
    const found: Partial<StreamBinding> = nativeModule('stream_wrap')
    assert(found.streamBaseState && found.WriteWrap && found.ShutdownWrap, elsewhere('what streams are made of'))
    binding = found as StreamBinding
  }
  return binding
}

/** The end of the input, as the system numbers errors. */
export const END_OF_FILE = -4095

const ignore = (): void => undefined

/** A connection that reads into a buffer and writes at once, by its handle alone. Results below 0 are errors. */
export class HandleStream {
  private readonly handle: StreamHandle
  private readonly binding = streamBinding()
  /** For all writes that the kernel takes at once. */
  private request: Request

  /** `onRead` is called with the bytes that stand in `buffer`, or with an error or END_OF_FILE. */
  constructor(handle: Handle, buffer: Buffer, onRead: (result: number) => void) {
    this.handle = handle as StreamHandle
    this.request = new this.binding.WriteWrap()
    const { streamBaseState, kReadBytesOrError } = this.binding
    // A socket that had it before may have begun to read.
    this.handle.readStop()
    this.handle.useUserBuffer(buffer)
    // Not assigned as it is made: V8 puts such a function into the old generation at once, and keeps all that it knows.
    const onread = (): void => {
      const result = streamBaseState[kReadBytesOrError]
      if (result !== 0) onRead(result)
    }
    this.handle.onread = onread
  }

  /** Empty and 0 where the peer is gone; undefined: it came by a Unix socket and has no address. */
  get peer(): { readonly address: string; readonly port: number } | undefined {
    const name: { address?: string; port?: number } = {}
    this.handle.getpeername(name)
    if (name.address === '') return undefined
    return { address: name.address ?? '', port: name.port ?? 0 }
  }

  get untakenBytes(): number {
    return this.handle.writeQueueSize
  }

  readStart(): number {
    return this.handle.readStart()
  }

  readStop(): number {
    return this.handle.readStop()
  }

  /**
   * Writes pieces. Returns 0 if the kernel has taken all of it; 1 if not: then `written` is called when it has, or with
   * an error, and the bytes are not to be changed until then.
   */
  write(pieces: readonly Buffer[], written: (status: number) => void): number {
    const { handle, request } = this
    const { streamBaseState, kLastWriteWasAsync } = this.binding
    const error = pieces.length === 1 ? handle.writeBuffer(request, pieces[0]) : handle.writev(request, pieces, true)
    if (error !== 0) return error
    if (streamBaseState[kLastWriteWasAsync] === 0) return 0
    request.bytes = pieces
    request.oncomplete = written
    this.request = new this.binding.WriteWrap()
    return 1
  }

  /** Says that no more will be written, behind what has been; `done` is called when it was said. */
  shutdown(done: (status: number) => void): number {
    const request = new this.binding.ShutdownWrap()
    request.oncomplete = done
    return this.handle.shutdown(request)
  }

  close(done: () => void): void {
    this.handle.onread = ignore
    this.handle.close(done)
  }
}

// ── Where a TLS socket reads to ─────────────────────────────────────────────────────────────────────────────

interface Buffered {
  [property: symbol]: unknown
  readonly _handle: { useUserBuffer(buffer: Buffer): void } | null
}

interface UserBuffer {
  readonly buffer: Buffer
  /** Called with the number of bytes in it; returns whether to continue. */
  readonly callback: (bytes: number) => boolean
}

interface Keys {
  readonly buffer: symbol
  readonly callback: symbol
}

let keys: Keys | undefined

/** Properties of every socket; found at the first use. */
function keysOfSockets(): Keys {
  keys ??= { buffer: keyOf('kBuffer'), callback: keyOf('kBufferCb') }
  return keys
}

function keyOf(name: string): symbol {
  const found = Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === name)
  assert(found !== undefined, elsewhere(name))
  return found
}

/**
 * A socket that is closed releases its listeners and its reader. Node makes it a function (WritableState.onwrite) that
 * V8 puts into the old generation at once, and that refers to it: the socket, and all that it refers to, is kept until
 * the next full collection, and so fills the old generation.
 */
export function letGo(socket: Socket): void {
  socket.removeAllListeners()
  const internals = socket as unknown as Record<symbol, unknown>
  internals[keysOfSockets().callback] = null
}

/** Does what the constructor of net.Socket does for `onread`. Nothing if the connection is gone. */
export function setUserBuffer(socket: TLSSocket, { buffer, callback }: UserBuffer): void {
  const ofSockets = keysOfSockets()
  const internals = socket as unknown as Buffered
  internals[ofSockets.buffer] = buffer
  internals[ofSockets.callback] = callback
  internals._handle?.useUserBuffer(buffer)
}

/** What setUserBuffer() was given; undefined: it was not called. */
export function userBufferOf(socket: TLSSocket): UserBuffer | undefined {
  if (keys === undefined) return undefined
  const internals = socket as unknown as Buffered
  const buffer = internals[keys.buffer] as Buffer | undefined
  const callback = internals[keys.callback] as UserBuffer['callback'] | undefined
  return buffer && callback && { buffer, callback }
}

/** The plain socket that a TLS socket of a server was made over. */
export function socketBelow(socket: TLSSocket): Socket {
  const { _parent: plain } = socket as unknown as { _parent?: Socket }
  assert(plain instanceof Socket, elsewhere('the socket below a TLS socket'))
  return plain
}

/**
 * Bytes written to a connection that the kernel has not taken; 0 if it is gone. `transport`: a socket, or what one
 * carries; below a socket of TLS it is the plain one that counts.
 */
export function untakenBytes(transport: { readonly carrier?: Socket; readonly untakenBytes?: number }): number {
  if (transport.untakenBytes !== undefined) return transport.untakenBytes
  const socket = (transport.carrier ?? transport) as Queued
  const handle = (socket._parent ?? socket)._handle
  if (!handle) return 0
  assert(typeof handle.writeQueueSize === 'number', elsewhere('the length of what waits to be written'))
  return handle.writeQueueSize
}

interface Queued {
  readonly _parent?: Queued | null
  readonly _handle?: { readonly writeQueueSize: number } | null
}

// ── zlib ────────────────────────────────────────────────────────────────────────────────────────────────────

interface ZlibHandle {
  onerror: (message: string) => void
  /** Returns its results through the stream's _writeState: room left in the output, input left. */
  writeSync(
    flush: number,
    input: Buffer,
    inputAt: number,
    inputLength: number,
    output: Buffer,
    outputAt: number,
    outputLength: number,
  ): void
  reset(): void
}

/** A zlib stream's state, without the stream: the one that zlib's synchronous functions use. */
export class ZlibState {
  private readonly handle: ZlibHandle
  /** [room left in the output, input left] */
  private readonly state: Uint32Array
  private failed = false

  constructor(stream: object) {
    const { _handle: handle, _writeState: state } = stream as { _handle?: ZlibHandle; _writeState?: Uint32Array }
    assert(typeof handle?.writeSync === 'function' && state?.length === 2, elsewhere('the handle of a zlib stream'))
    this.handle = handle
    this.state = state
    handle.onerror = () => {
      this.failed = true
    }
  }

  /**
   * Takes in input[at, …) and fills `output` with what comes of it. Returns how much of both is left; undefined: the
   * input is damaged.
   */
  step(flush: number, input: Buffer, at: number, output: Buffer): { room: number; left: number } | undefined {
    this.handle.writeSync(flush, input, at, input.length - at, output, 0, output.length)
    return this.failed ? undefined : { room: this.state[0], left: this.state[1] }
  }

  reset(): void {
    this.failed = false
    this.handle.reset()
  }
}
