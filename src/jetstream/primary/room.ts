// How much room streams have where the configuration sets no bound: three quarters of the memory, and of what is free
// on the disk of their folder.

import { mkdirSync, statfsSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Options } from '../../options/options.ts'

const SHARE = 0.75
/** Where the disk does not say. */
const DISK_UNKNOWN_BYTES = 1024 ** 4
const FOLDER = 'jetstream'

/** The options with the folder of the streams and their bounds filled in; those that may be any stay as `before`. */
export function settledOptions(options: Options, before?: Options): Options {
  const { jetstream } = options
  if (jetstream === undefined) return options
  const storeDir = join(jetstream.storeDir || join(tmpdir(), 'nats'), FOLDER)
  const known = before?.jetstream
  return Object.freeze({
    ...options,
    jetstream: Object.freeze({
      ...jetstream,
      storeDir,
      maxMemory: jetstream.maxMemory < 0 ? (known?.maxMemory ?? Math.floor(totalmem() * SHARE)) : jetstream.maxMemory,
      maxFile: jetstream.maxFile < 0 ? (known?.maxFile ?? freeBytes(storeDir)) : jetstream.maxFile,
    }),
  })
}

function freeBytes(folder: string): number {
  try {
    mkdirSync(folder, { recursive: true })
    const { bavail, bsize } = statfsSync(folder)
    return Math.floor(bavail * bsize * SHARE)
  } catch {
    return DISK_UNKNOWN_BYTES
  }
}
