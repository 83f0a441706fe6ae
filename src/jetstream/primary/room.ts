// How much room streams have where the configuration sets no bound: three quarters of the memory, and of what is free
// on the disk of their folder.

import { mkdirSync, statfsSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { API_LEVEL } from '../../base/constants.ts'
import type { Options } from '../../options/options.ts'
import type { JetStreamOptions } from '../../options/shapes.ts'

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

/** What the log says of streams at the start. */
export function streamLines({ cipher, domain, key, maxFile, maxMemory, storeDir, strict }: JetStreamOptions): string[] {
  const names = { chacha: 'ChaCha20-Poly1305', aes: 'AES-GCM' } as const
  return [
    `  Strict:          ${strict}`,
    `  Max Memory:      ${sizeText(maxMemory)}`,
    `  Max Storage:     ${sizeText(maxFile)}`,
    `  Store Directory: ${JSON.stringify(storeDir)}`,
    ...(domain === '' ? [] : [`  Domain:          ${domain}`]),
    ...(key === '' ? [] : [`  Encryption:      ${names[cipher]}`]),
    `  API Level:       ${API_LEVEL}`,
  ]
}

function sizeText(bytes: number): string {
  const power = Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return `${(bytes / 1024 ** power).toFixed(2)} ${['B', 'KB', 'MB', 'GB', 'TB', 'PB'][power]}`
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
