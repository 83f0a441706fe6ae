// The world around a configuration: files that it includes or names, and the environment.

import { closeSync, openSync, readSync } from 'node:fs'

/** Bytes of all files of one configuration together; a device that never ends stops here, too. */
export const SOURCES_BYTES_MAX = 64 * 1024 * 1024

export interface Surroundings {
  /** A file's bytes, one char each. Throws an Error whose message says why it cannot be read. */
  readonly readFile: (path: string) => string
  /** An environment variable. */
  readonly environment: (name: string) => string | undefined
}

export function surroundingsOf(environment: Readonly<Record<string, string | undefined>>): Surroundings {
  return { readFile, environment: (name) => environment[name] }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
}

/** Reads a file, and says in nats-server's words why it cannot. */
export function readFile(path: string): string {
  try {
    return readBounded(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw new Error(message)
    throw new Error(`${code === 'EISDIR' ? 'read' : 'open'} ${path}: ${REASONS[code] ?? code}`)
  }
}

const PIECE_BYTES = 64 * 1024

function readBounded(path: string): string {
  // A path with a zero byte in it cannot be that of a file.
  if (path.includes('\0')) throw new Error(`open ${path.replaceAll('\0', '')}: invalid argument`)
  const file = openSync(path, 'r')
  try {
    const pieces: Buffer[] = []
    for (let total = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const bytes = readSync(file, piece)
      if (bytes === 0) return Buffer.concat(pieces).toString('latin1')
      total += bytes
      if (total > SOURCES_BYTES_MAX) throw new Error(`${path} is larger than ${SOURCES_BYTES_MAX} bytes`)
      pieces.push(piece.subarray(0, bytes))
    }
  } finally {
    closeSync(file)
  }
}
