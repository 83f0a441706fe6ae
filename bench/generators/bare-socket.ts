// A TCP connection on Node's own handle, without a net.Socket around it. A Socket takes several microseconds for each
// read and write, as much as a server does for a request: a load of small operations would measure itself.
//
// These are private parts of Node, as in src/base/node-private.ts: test/bench/bare-socket.test.ts has to pass before
// another version is used.

interface WriteWrap {
  oncomplete: (status: number) => void
  /** What is being written must not be collected meanwhile. */
  bytes?: Uint8Array
}

interface TcpHandle {
  onread: () => void
  connect(request: object, host: string, port: number): number
  setNoDelay(on: boolean): void
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  writeBuffer(request: WriteWrap, bytes: Uint8Array): number
  writeLatin1String(request: WriteWrap, text: string): number
  close(): void
}

interface TcpBinding {
  readonly TCP: new (kind: number) => TcpHandle
  readonly TCPConnectWrap: new () => { oncomplete: (status: number) => void }
  readonly constants: { readonly SOCKET: number }
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteWrap
  /** What the last call of a handle, or of its onread, has to tell. */
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

const { binding } = process as unknown as { binding(name: string): unknown }
const { TCP, TCPConnectWrap, constants } = binding('tcp_wrap') as TcpBinding
const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = binding('stream_wrap') as StreamBinding

const READ_BYTES = 256 * 1024
/** All sockets of a thread read into the same memory. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

export interface SocketEvents {
  onConnect(): void
  /** `bytes` is overwritten by the next read. */
  onRead(bytes: Buffer): void
  /** The peer closed it, or it failed; not called after close(). */
  onEnd(reason: string): void
}

export class BareSocket {
  private readonly handle = new TCP(constants.SOCKET)
  private readonly events: SocketEvents
  private isOpen = true

  /** Connects to 127.0.0.1. */
  constructor(port: number, events: SocketEvents) {
    this.events = events
    const { handle } = this
    handle.setNoDelay(true)
    handle.useUserBuffer(readBuffer)
    handle.onread = () => this.read()
    const request = new TCPConnectWrap()
    request.oncomplete = (status) => {
      if (!this.isOpen) return
      if (status !== 0) {
        this.end(`connect: error ${status}`)
        return
      }
      handle.readStart()
      events.onConnect()
    }
    const error = handle.connect(request, '127.0.0.1', port)
    if (error !== 0) throw new Error(`connect: error ${error}`)
  }

  /** Returns whether the kernel has taken all of it; else `written` is called when it has. */
  write(bytes: Uint8Array, written: () => void = () => undefined): boolean {
    const request = new WriteWrap()
    request.bytes = bytes
    return this.sent(request, this.isOpen ? this.handle.writeBuffer(request, bytes) : 0, written)
  }

  /** The same for text in Latin 1: for small pieces that are made for the moment. */
  writeText(text: string, written: () => void = () => undefined): boolean {
    const request = new WriteWrap()
    return this.sent(request, this.isOpen ? this.handle.writeLatin1String(request, text) : 0, written)
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.handle.close()
  }

  private sent(request: WriteWrap, error: number, written: () => void): boolean {
    if (!this.isOpen) return false
    if (error !== 0) {
      this.end(`write: error ${error}`)
      return false
    }
    if (streamBaseState[kLastWriteWasAsync] === 0) return true
    request.oncomplete = (status) => {
      if (!this.isOpen) return
      if (status === 0) written()
      else this.end(`write: error ${status}`)
    }
    return false
  }

  private read(): void {
    if (!this.isOpen) return
    const length = streamBaseState[kReadBytesOrError]
    if (length > 0) this.events.onRead(readBuffer.subarray(0, length))
    else if (length < 0) this.end(`read: error ${length}`)
  }

  private end(reason: string): void {
    this.close()
    this.events.onEnd(reason)
  }
}
