// Who asks, as messages of a leaf node say it in the header Nats-Request-Info (docs/reference/leaf-nodes.md, "Who
// asks"): the other server may describe its own clients there, but never name another account than the one that the
// link is bound to.

import type { ChunkPool } from '../memory/chunk-pool.ts'
import { rewriteRun } from '../protocol/rewrite.ts'
import { type Run, replyOf, subjectOf } from '../protocol/run.ts'

const HEADER = 'Nats-Request-Info'
const TEXTS = 'svc start host user name lang ver server cluster jwt issuer_key name_tag kind client_type'.split(' ')
const NUMBERS = ['id', 'rtt']

/** JSON, as a byte string; so is `account`. `more`: what else is known of who asks. */
export function describe(account: string, more: object): string {
  const acc = Buffer.from(account, 'latin1').toString()
  return Buffer.from(JSON.stringify({ acc, ...more })).toString('latin1')
}

/** Calls back with the messages of a run, those that name who asks as asked by `account` (a byte string). */
export function vouchFor(pool: ChunkPool, run: Run, account: string, callback: (run: Run) => void): void {
  const found = Array.from({ length: run.headerSize === 0 ? 0 : run.count }, (_, i) => valueIn(headerOf(run, i)))
  if (!found.some((value) => value !== undefined)) {
    callback(run)
    return
  }
  const [subject, reply] = [subjectOf(run), replyOf(run)]
  for (const [i, value] of found.entries()) {
    const header = value === undefined ? '' : `${HEADER}: ${describe(account, requestorOf(value))}`
    rewriteRun(pool, run, i, 1, { subject, reply, header, isImported: false }, callback)
  }
}

function headerOf({ block, first, stride, headerSize }: Run, i: number): string {
  const start = first + i * stride
  return block.bytes.toString('latin1', start, start + headerSize)
}

/** The value of the first line of this name; some clients take a lone LF for the end of a line. */
function valueIn(header: string): string | undefined {
  const name = `\n${HEADER.toLowerCase()}:`
  const at = header.toLowerCase().indexOf(name)
  return at < 0 ? undefined : header.slice(at + name.length, header.indexOf('\n', at + 1))
}

/** What is no description says nothing. */
function requestorOf(value: string): object {
  let said: unknown
  try {
    said = JSON.parse(Buffer.from(value, 'latin1').toString())
  } catch {
    return {}
  }
  if (typeof said !== 'object' || said === null) return {}
  const members = new Map(Object.entries(said))
  const taken: Record<string, unknown> = {}
  for (const name of TEXTS) if (typeof members.get(name) === 'string') taken[name] = members.get(name)
  for (const name of NUMBERS) if (typeof members.get(name) === 'number') taken[name] = members.get(name)
  const tags = members.get('tags')
  if (Array.isArray(tags)) taken['tags'] = tags.filter((tag) => typeof tag === 'string')
  return taken
}
