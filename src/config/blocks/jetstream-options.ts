// The options of streams, from what the block `jetstream` says: of the server, and of an account.

import { type JetStreamLimits, type JetStreamOptions, UNLIMITED_STREAMS } from '../../options/shapes.ts'
import type { Checked } from '../layer.ts'

const NS_PER_MS = 1e6
const POWERS: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }

/** Bytes, from an integer or a text such as `10G`; -1: as much as there is. */
function bytesOf(value: unknown): number {
  if (typeof value === 'bigint') return value < 0n ? -1 : Number(value)
  if (typeof value !== 'string' || value === '') return -1
  return Number(value.slice(0, -1)) * POWERS[value.slice(-1)]
}

const BUFFERED_BYTES = 128 * 1024 * 1024
const BUFFERED_MESSAGES = 100_000

const positive = (value: number, otherwise: number): number => (value > 0 ? value : otherwise)
const numberOf = (value: unknown, otherwise: number): number => (value === undefined ? otherwise : Number(value))
const textOf = (value: unknown): string => String(value ?? '')

/** Undefined: there are no streams. `storeDir` is for a block that names no folder. */
export function jetStreamOptions(block: Checked | undefined, storeDir: string): JetStreamOptions | undefined {
  if (block?.['enabled'] !== true) return undefined
  const limits = (block['limits'] ?? {}) as Checked
  const batch = (limits['batch'] ?? {}) as Checked
  const sync = block['sync']
  const folder = block['storeDir'] as { readonly value?: unknown } | undefined
  return {
    storeDir: textOf(folder?.value) || storeDir,
    maxMemory: bytesOf(block['max_mem']),
    maxFile: bytesOf(block['max_file']),
    domain: textOf(block['domain']),
    uniqueTag: textOf(block['uniqueTag']),
    strict: block['strict'] !== false,
    syncInterval: typeof sync === 'string' ? 0 : (sync as number | undefined),
    key: textOf(block['key']),
    previousKey: textOf(block['previousKey']),
    cipher: textOf(block['cipher']).toLowerCase() === 'aes' ? 'aes' : 'chacha',
    maxBufferedBytes: positive(bytesOf(block['max_buffered_size']), BUFFERED_BYTES),
    maxBufferedMessages: positive(numberOf(block['max_buffered_msgs'], 0), BUFFERED_MESSAGES),
    limits: {
      maxAckPending: numberOf(limits['ackPending'], 0),
      maxRequestBatch: numberOf(limits['requestBatch'], 0),
      duplicateWindow: numberOf(limits['duplicates'], 0) * NS_PER_MS,
      maxHaAssets: numberOf(limits['haAssets'], 0),
      batch: {
        perStream: numberOf(batch['perStream'], 50),
        fastPerStream: numberOf(batch['perStream'], 1000),
        total: numberOf(batch['total'], 1000),
        messages: numberOf(batch['messages'], 1000),
        timeout: numberOf(batch['timeout'], 10_000),
      },
    },
  }
}

/** What an account may have. */
export function jetStreamLimits(block: Checked): JetStreamLimits {
  const limit = (name: string): number => numberOf(block[name], -1)
  return {
    ...UNLIMITED_STREAMS,
    maxMemory: limit('max_memory'),
    maxFile: limit('max_store'),
    maxStreams: limit('max_streams'),
    maxConsumers: limit('max_consumers'),
    maxAckPending: limit('max_ack_pending'),
    memoryMaxStreamBytes: limit('mem_max_stream_bytes'),
    fileMaxStreamBytes: limit('disk_max_stream_bytes'),
    maxBytesRequired: block['required'] === true,
  }
}
