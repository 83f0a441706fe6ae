// A plain connection, by TCP or a Unix socket, without a net.Socket: it reads into the shard's buffer, and what is
// written goes to the kernel at once. What the kernel does not take waits in libuv, and `writableLength` says so.
//
//     reading ──end of file──▶ 'end'          end(): FIN behind what was written
//                                       both, or destroy() ──▶ the handle is closed ──▶ 'close'

import { getSystemErrorName } from 'node:util'
import { plainAddress } from '../base/addresses.ts'
import { guarded, type OnBug } from '../base/guarded.ts'
import { END_OF_FILE, type Handle, HandleStream } from '../base/node-private.ts'
import type { Transport } from './transport.ts'

/** What is said of the peer at a Unix socket where an address is expected. */
const UNIX_PEER = 'unix'

const nothing = (): void => undefined

export class TcpTransport implements Transport {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly isLocal: boolean
  writableLength = 0
  destroyed = false
  closed = false
  private readonly stream: HandleStream
  private readonly onRead: (bytes: number) => void
  private readonly bugMet: OnBug
  private onError: (error: NodeJS.ErrnoException) => void = nothing
  private onEnd: () => void = nothing
  private onClose: () => void = nothing
  /** Pieces since cork(). */
  private corked: Buffer[] | undefined
  /** Called when all that is on its way has been taken. */
  private onTaken: (() => void)[] = []
  private isReading = false
  /** No more comes from the peer; no more is said to it: asked for, and done. */
  private hasEnded = false
  private isFinishing = false
  private hasFinished = false
  /** The handle is closed as soon as FIN has been sent. */
  private endsSoon = false

  /** Reads into `buffer` once it is told to resume(); `onRead` is told how many bytes, each time. */
  constructor(handle: Handle, buffer: Buffer, onRead: (bytes: number) => void, bugMet: OnBug) {
    this.onRead = onRead
    this.bugMet = bugMet
    this.stream = new HandleStream(
      handle,
      buffer,
      guarded(bugMet, (result) => this.streamOnRead(result)),
    )
    const { peer } = this.stream
    this.isLocal = peer === undefined
    this.remoteAddress = peer === undefined ? UNIX_PEER : plainAddress(peer.address)
    this.remotePort = peer?.port ?? 0
  }

  /** Bytes that the kernel has not taken. */
  get untakenBytes(): number {
    return this.destroyed ? 0 : this.stream.untakenBytes
  }

  on(event: 'error' | 'end' | 'close', listener: (error: NodeJS.ErrnoException) => void): void {
    if (event === 'error') this.onError = listener
    else if (event === 'end') this.onEnd = listener as () => void
    else this.onClose = listener as () => void
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────────────

  resume(): void {
    if (this.isReading || this.hasEnded || this.destroyed) return
    this.isReading = true
    const error = this.stream.readStart()
    if (error < 0) this.fail(error, 'read')
  }

  pause(): void {
    if (!this.isReading || this.destroyed) return
    this.isReading = false
    this.stream.readStop()
  }

  private streamOnRead(result: number): void {
    if (this.destroyed) return
    if (result > 0) {
      this.onRead(result)
      return
    }
    this.pause()
    if (result !== END_OF_FILE) {
      this.fail(result, 'read')
      return
    }
    this.hasEnded = true
    this.onEnd()
    if (this.hasFinished) this.destroy()
  }

  // ── Writing ───────────────────────────────────────────────────────────────────────────────────────────

  cork(): void {
    this.corked ??= []
  }

  uncork(): void {
    const { corked } = this
    this.corked = undefined
    if (corked !== undefined && corked.length > 0) this.send(corked)
  }

  write(bytes: Buffer, callback?: () => void): boolean {
    if (bytes.length > 0) {
      if (this.corked !== undefined) this.corked.push(bytes)
      else this.send([bytes])
    }
    if (callback === undefined) return true
    if (this.writableLength > 0) this.onTaken.push(callback)
    else process.nextTick(guarded(this.bugMet, callback))
    return true
  }

  private send(pieces: readonly Buffer[]): void {
    if (this.destroyed || this.isFinishing) return
    let length = 0
    for (const piece of pieces) length += piece.length
    const result = this.stream.write(pieces, (status) => this.streamOnWritten(length, status))
    if (result < 0) this.fail(result, 'write')
    else if (result > 0) this.writableLength += length
  }

  private streamOnWritten(length: number, status: number): void {
    if (this.destroyed) return
    this.writableLength -= length
    if (status < 0) {
      this.fail(status, 'write')
      return
    }
    if (this.writableLength > 0) return
    for (const callback of this.onTaken.splice(0)) guarded(this.bugMet, callback)()
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────

  end(): void {
    if (this.isFinishing || this.destroyed) return
    this.isFinishing = true
    // Closing says it as well: a system call less.
    if ((this.hasEnded || this.endsSoon) && this.writableLength === 0) {
      this.destroy()
      return
    }
    const error = this.stream.shutdown(guarded(this.bugMet, (status) => this.streamOnShutdown(status)))
    if (error < 0) this.streamOnShutdown(error)
  }

  /** A peer that is gone already need not be told that there is no more. */
  private streamOnShutdown(status: number): void {
    this.hasFinished = true
    if (status < 0 || this.hasEnded || this.endsSoon) this.destroy()
  }

  destroySoon(): void {
    this.endsSoon = true
    this.end()
    if (this.hasFinished) this.destroy()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.corked = undefined
    this.onTaken = []
    this.stream.close(
      guarded(this.bugMet, () => {
        this.closed = true
        this.onClose()
      }),
    )
  }

  /** Tells of it when the caller is done, as sockets do: the listener closes the connection. */
  private fail(errno: number, syscall: string): void {
    const code = getSystemErrorName(errno)
    const error = Object.assign(new Error(`${syscall} ${code}`), { code, errno, syscall })
    process.nextTick(
      guarded(this.bugMet, () => {
        if (this.destroyed) return
        this.onError(error)
        this.destroy()
      }),
    )
  }
}
