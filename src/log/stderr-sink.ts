// Lines to stderr. Each is one write, so that lines of several threads do not mix.
//
// Nobody may be reading: a full pipe would block the thread, and all connections with it, until somebody does. So the
// pipe is opened a second time, by its name under /proc, in non-blocking mode; to set that mode on descriptor 2
// itself would set it for the parent process too. A line that finds the pipe full waits for a moment, then it and
// those behind it are given up, and counted. Where that second opening is not possible (a socket as stderr, another
// system than Linux) a write may block, as it does in any other program.

import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { Level } from './log.ts'
import type { LogSink } from './sink.ts'

const STDERR = 2
/** How long in all a line may wait for a reader who has fallen behind. */
const PATIENCE_MS = 100
const STEP_MS = 2

export class StderrSink implements LogSink {
  readonly kind = 'stderr'
  private readonly fd = openAgain()
  private readonly clock = new Int32Array(new SharedArrayBuffer(4))
  /** What is left of a line longer than the pipe's room. */
  private rest: Buffer | undefined
  /** Lines given up since the latest one that went out. */
  private lost = 0

  write(_level: Level, line: string): void {
    let bytes = Buffer.from(line)
    if (this.lost > 0) {
      const lines = this.lost === 1 ? '1 line of the log is' : `${this.lost} lines of the log are`
      bytes = Buffer.from(`[${process.pid}] [WRN] ${lines} missing here: stderr was not read\n${line}`)
    }
    if (this.rest !== undefined) bytes = Buffer.concat([this.rest, bytes])
    // Who was given up once is not waited for again, until it takes something.
    const written = this.push(bytes, this.lost > 0 ? 0 : PATIENCE_MS)
    if (written === bytes.length) {
      this.rest = undefined
      this.lost = 0
    } else if (written === 0) this.lost++
    else {
      this.rest = bytes.subarray(written)
      this.lost = 0
    }
  }

  /** Writes as much as the reader takes within `patienceMs`; answers how much that was. */
  private push(bytes: Buffer, patienceMs: number): number {
    let written = 0
    for (let waitedMs = 0; ; waitedMs += STEP_MS) {
      try {
        written += writeSync(this.fd, bytes, written)
        if (written === bytes.length) return written
      } catch (error) {
        // Anything but a full pipe means that nobody will ever read this: no reason to stop serving.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return bytes.length
      }
      if (waitedMs >= patienceMs) return written
      Atomics.wait(this.clock, 0, 0, STEP_MS)
    }
  }

  close(): void {
    if (this.fd !== STDERR) closeSync(this.fd)
  }
}

function openAgain(): number {
  try {
    return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK)
  } catch {
    return STDERR
  }
}
