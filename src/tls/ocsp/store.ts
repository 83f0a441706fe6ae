// Answers of OCSP responders in a file (`ocsp_cache`, `local_store`): a restarted server need not ask again, and still
// knows revoked certificates while no responder is reachable. nats-server stores its own in the same folder, in another
// file and format.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OcspStatus } from './message.ts'

const FILE = 'heddle-ocsp.json'

/** By SHA-256 fingerprint of the certificate. */
export type StoredAnswers = ReadonlyMap<string, OcspStatus>

/** What was kept; nothing if there is no such file. Throws an Error if it cannot be read, or is something else. */
export function loadAnswers(directory: string): StoredAnswers {
  const file = join(directory, FILE)
  if (!existsSync(file)) return new Map()
  const rows: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!Array.isArray(rows) || !rows.every(isRow)) throw new Error('it is of no known form')
  return new Map(
    rows.map(([key, status, from, to]) => [key, { status, thisUpdateMs: from, nextUpdateMs: to ?? undefined }]),
  )
}

/** In the place of what was kept, as a whole or not at all. Throws if that cannot be. */
export function saveAnswers(directory: string, answers: StoredAnswers): void {
  mkdirSync(directory, { recursive: true })
  const rows = [...answers].map(([key, { status, thisUpdateMs, nextUpdateMs }]): Row => {
    return [key, status, thisUpdateMs, nextUpdateMs ?? null]
  })
  const file = join(directory, FILE)
  writeFileSync(`${file}.new`, JSON.stringify(rows), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

type Row = readonly [key: string, status: OcspStatus['status'], from: number, to: number | null]

function isRow(row: unknown): row is Row {
  if (!Array.isArray(row) || row.length !== 4) return false
  const [key, status, from, to] = row
  const isTime = typeof from === 'number' && (to === null || typeof to === 'number')
  return typeof key === 'string' && ['good', 'revoked', 'unknown'].includes(status) && isTime
}
