// The calls of the file system that a store makes from an event loop, and what their failures mean. They run on Node's
// threads for file operations, so that no loop waits for a disk. A test kit puts its own disk in this place.

import { close, constants, fdatasync, fsync, ftruncate, open, read, unlink, writev } from 'node:fs'
import { promisify } from 'node:util'
import type { StoreFailure } from './store.ts'

/**
 * What a file is opened for. `create…`: it is made, or emptied, and written to. `… synced`: a write returns when it is
 * safe from loss of power, one call where a write and a sync are two, if the disk `syncsWrites`.
 */
export type OpenFor = 'reading' | 'writing' | 'create' | 'writing synced' | 'create synced'

export interface Disk {
  readonly syncsWrites: boolean
  open(path: string, purpose: OpenFor): Promise<number>
  close(fd: number): Promise<void>
  /** Reads as many bytes as there are, up to the length of the buffer; answers how many. */
  read(fd: number, buffer: Buffer, position: number): Promise<number>
  /** Writes all of it. */
  write(fd: number, buffers: readonly Buffer[], position: number): Promise<void>
  /** Cuts a file off behind so many bytes. */
  truncate(fd: number, bytes: number): Promise<void>
  /** Makes the content of a file safe from loss of power. */
  sync(fd: number): Promise<void>
  /** The same for the names in a folder. */
  syncFolder(path: string): Promise<void>
  unlink(path: string): Promise<void>
}

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC
/** Elsewhere there is no such flag, or the disk keeps such writes in its own memory. */
const SYNCS_WRITES = process.platform === 'linux'
const DSYNC = SYNCS_WRITES ? constants.O_DSYNC : 0
const FLAGS: Readonly<Record<OpenFor, number>> = {
  reading: constants.O_RDONLY,
  writing: constants.O_RDWR,
  create: CREATE,
  'writing synced': constants.O_RDWR | DSYNC,
  'create synced': CREATE | DSYNC,
}
/** The system takes no more buffers in one call. */
const BUFFERS_MAX = 1024

const calls = {
  open: promisify(open),
  close: promisify(close),
  read: promisify(read),
  writev: promisify(writev),
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
  ftruncate: promisify(ftruncate),
  unlink: promisify(unlink),
}

/** The disk of this machine. */
export const systemDisk: Disk = {
  syncsWrites: SYNCS_WRITES,
  open: (path, purpose) => calls.open(path, FLAGS[purpose], 0o640),
  close: (fd) => calls.close(fd),

  async read(fd, buffer, position) {
    let done = 0
    while (done < buffer.length) {
      const { bytesRead } = await calls.read(fd, buffer, done, buffer.length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  },

  async write(fd, buffers, position) {
    for (let rest = [...buffers]; rest.length > 0; ) {
      let { bytesWritten } = await calls.writev(fd, rest.slice(0, BUFFERS_MAX), position)
      position += bytesWritten
      while (rest.length > 0 && bytesWritten >= rest[0].length) bytesWritten -= (rest.shift() as Buffer).length
      if (bytesWritten > 0) rest = [rest[0].subarray(bytesWritten), ...rest.slice(1)]
    }
  },

  truncate: (fd, bytes) => calls.ftruncate(fd, bytes),
  sync: (fd) => calls.fdatasync(fd),

  async syncFolder(path) {
    const fd = await calls.open(path, constants.O_RDONLY)
    try {
      await calls.fsync(fd)
    } finally {
      await calls.close(fd)
    }
  },

  unlink: (path) => calls.unlink(path),
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS'])

/** What a failed call means to a stream. */
export function failureOf(error: unknown): StoreFailure {
  const { code = '', message } = error as NodeJS.ErrnoException
  const kind = FULL.has(code) ? 'full' : DENIED.has(code) ? 'denied' : 'io'
  return { kind, text: message }
}
