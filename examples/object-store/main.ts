// An object store: a large file in, and out again.
//
//     src/node.sh examples/object-store/main.ts

import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Objm } from '@nats-io/obj'
import { createServer } from 'heddle'
import { connect } from 'heddle/nats-core'

const folder = mkdtempSync(join(tmpdir(), 'files-'))
const file = join(folder, 'report.pdf')
writeFileSync(file, Buffer.alloc(5_000_000, 'content '))

const server = createServer({ port: 0, jetstream: { storeDir: join(folder, 'store') } })
await server.ready()
const nc = await connect({ servers: server.url })
const files = await new Objm(nc).create('files')

// ── In, piece by piece ──────────────────────────────────────────────────────────────────────────────────────

const watch = await files.watch()
await files.put({ name: 'report.pdf' }, Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>)
for await (const { name, size, chunks } of watch) {
  console.log(`new: ${name}, ${size} bytes in ${chunks} pieces`)
  break
}

// ── Out: the promise of an error says whether the digest was right ──────────────────────────────────────────

const found = await files.get('report.pdf')
if (found === null) throw new Error('it is not there')
let bytes = 0
for await (const piece of found.data) bytes += piece.length
const error = await found.error
console.log(`read: ${bytes} bytes, the digest is ${error ? error.message : 'right'}`)

// ── Another name ────────────────────────────────────────────────────────────────────────────────────────────

await files.link('latest', found.info)
console.log(`latest is a link to ${(await files.info('latest'))?.options?.link?.name}`)
console.log(
  `files: ${(await files.list())
    .map(({ name }) => name)
    .toSorted()
    .join(', ')}`,
)

await nc.drain()
await server.close()
rmSync(folder, { recursive: true })
