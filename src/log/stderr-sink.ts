// Lines to stderr. Each is one write, so that lines of several threads do not mix.
//
// The pipe may have no reader: a full pipe would block the thread, and all its connections, until it is read. So stderr
// is written in non-blocking mode:
//
//     pipe, terminal, file    opened a second time, by its name under /proc: descriptor 2 itself, which other
//                             processes may share, keeps its mode
//     socket                  cannot be opened so; its own mode is set. That is what a Node program gives its
//                             children, and what systemd gives a service
//     not on Linux            a write may block, as it does in any other program
//
// A line that finds stderr full waits for a moment, then it and those behind it are dropped and counted. All waits of a
// thread together are a tenth of its time at most, however slowly stderr is read.

import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'
import type { Level } from './level.ts'
import type { LogSink } from './sink.ts'

const STDERR = 2
/** How long a line may wait for a slow reader, if none has waited lately. */
const PATIENCE_MS = 100
/** How fast patience comes back: milliseconds of waiting for each millisecond that passes. */
const PATIENCE_RATE = 0.1
const STEP_MS = 2

export class StderrSink implements LogSink {
  readonly kind = 'stderr'
  private readonly fd = openNonBlocking()
  private readonly clock = new Int32Array(new SharedArrayBuffer(4))
  /** What is left of a line longer than the pipe's room. */
  private rest: Buffer | undefined
  /** Lines dropped since the latest written one. */
  private lost = 0
  /** Until then no line is tried: the latest one failed. */
  private retryAtMs = 0
  private patienceMs = PATIENCE_MS
  private patientAtMs = 0

  write(_level: Level, line: string): void {
    // To find stderr full, or gone, takes longer than to make the line: not for each of thousands in a row.
    if (performance.now() < this.retryAtMs) {
      this.lost++
      return
    }
    let bytes = Buffer.from(line)
    if (this.lost > 0) {
      const lines = this.lost === 1 ? '1 line of the log is' : `${this.lost} lines of the log are`
      bytes = Buffer.from(`[${process.pid}] [WRN] ${lines} missing here: stderr was not read\n${line}`)
    }
    if (this.rest !== undefined) bytes = Buffer.concat([this.rest, bytes])
    const written = this.push(bytes)
    if (written === bytes.length) {
      this.rest = undefined
      this.lost = 0
    } else if (written === 0) {
      this.lost++
      this.retryAtMs = performance.now() + STEP_MS
    } else {
      this.rest = bytes.subarray(written)
      this.lost = 0
    }
  }

  /** Writes as much as the reader takes within the patience; returns the number of bytes. */
  private push(bytes: Buffer): number {
    for (let written = 0; ; ) {
      try {
        written += writeSync(this.fd, bytes, written)
        if (written === bytes.length) return written
      } catch (error) {
        // Any error but a full pipe means that the reader is gone: no reason to stop serving.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          this.retryAtMs = performance.now() + STEP_MS
          return bytes.length
        }
      }
      if (!this.wait()) return written
    }
  }

  /** Waits for a moment. Returns false, at once, if there was enough waiting lately. */
  private wait(): boolean {
    const nowMs = performance.now()
    this.patienceMs = Math.min(PATIENCE_MS, this.patienceMs + (nowMs - this.patientAtMs) * PATIENCE_RATE)
    this.patientAtMs = nowMs
    if (this.patienceMs < STEP_MS) return false
    this.patienceMs -= STEP_MS
    Atomics.wait(this.clock, 0, 0, STEP_MS)
    return true
  }

  close(): void {
    if (this.fd !== STDERR) closeSync(this.fd)
  }
}

function openNonBlocking(): number {
  try {
    return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK)
  } catch {
    makeSocketNonBlocking()
    return STDERR
  }
}

/** Holds a socket as stderr forever: letting go of it would close it. */
let held: Socket | undefined

/** Node sets the mode of whatever it wraps. Only the main thread may: what a worker wraps ends with the worker. */
function makeSocketNonBlocking(): void {
  if (!isMainThread || held !== undefined) return
  try {
    if (!fstatSync(STDERR).isSocket()) return
    held = new Socket({ fd: STDERR, readable: false })
    held.unref()
    held.on('error', () => undefined)
  } catch {
    // There is no stderr, or one that can only be written as it is.
  }
}
