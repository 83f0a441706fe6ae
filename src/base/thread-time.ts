// The state of a thread of this process, from the operating system: its processor time, and whether it sleeps. Linux
// only; elsewhere nothing is known. The file is opened once, so that it can be read when the process has no descriptor
// left.

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'

/** Linux counts a thread's processor time in hundredths of a second, whatever the processor. */
const TICK_MS = 10
/** The offset of the numbers behind the name, which may hold any characters and ends with the last bracket. */
const STATE = 0
const USER_TICKS = 11
const SYSTEM_TICKS = 12

export interface ThreadTime {
  /** Milliseconds of processor time since it began. */
  readonly cpuMs: number
  /** It waits for something else than a processor or a disk. */
  readonly sleeps: boolean
}

/** The number of the calling thread; 0 where the system has none that others could ask by. */
export function ownThreadId(): number {
  try {
    // PROCESS/task/THREAD
    return Number(readlinkSync('/proc/thread-self').split('/')[2]) || 0
  } catch {
    return 0
  }
}

export class ThreadTimes {
  private readonly file: number
  private readonly buffer = Buffer.alloc(1024)

  /** Of a thread of this process; undefined if unknown. */
  static of(threadId: number): ThreadTimes | undefined {
    if (threadId === 0) return undefined
    try {
      return new ThreadTimes(openSync(`/proc/self/task/${threadId}/stat`, 'r'))
    } catch {
      return undefined
    }
  }

  private constructor(file: number) {
    this.file = file
  }

  /** As of now; undefined if the thread has ended. */
  read(): ThreadTime | undefined {
    try {
      const text = this.buffer.toString('latin1', 0, readSync(this.file, this.buffer, 0, this.buffer.length, 0))
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      const ticks = Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])
      return Number.isNaN(ticks) ? undefined : { cpuMs: ticks * TICK_MS, sleeps: fields[STATE] === 'S' }
    } catch {
      return undefined
    }
  }

  close(): void {
    closeSync(this.file)
  }
}
