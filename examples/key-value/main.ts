// A key-value store: a watch, updates by several writers, a lock that ends by itself.
//
//     src/node.sh examples/key-value/main.ts

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KV, Kvm } from '@nats-io/kv'
import { createServer } from 'heddle'
import { connect } from 'heddle/nats-core'

const storeDir = mkdtempSync(join(tmpdir(), 'settings-'))
const server = createServer({ port: 0, jetstream: { storeDir } })
await server.ready()
const nc = await connect({ servers: server.url })
const kvm = new Kvm(nc)
const settings = await kvm.create('settings', { history: 5 })

// ── A program follows a setting ─────────────────────────────────────────────────────────────────────────────

await settings.put('colour', 'red')
const watch = await settings.watch({ key: 'colour' })
for await (const entry of watch) {
  console.log(`${entry.key} is ${entry.string()}`)
  if (entry.string() === 'green') break
  await settings.put('colour', 'green')
}

// ── Two writers, none of which overwrites the other ─────────────────────────────────────────────────────────

async function increment(store: KV, key: string): Promise<void> {
  for (;;) {
    const entry = await store.get(key)
    if (entry === null) throw new Error(`there is no ${key}`)
    try {
      await store.update(key, `${Number(entry.string()) + 1}`, entry.revision)
      return
    } catch (error) {
      // Somebody else was faster: look again.
      if (!/wrong last sequence/.test(String(error))) throw error
    }
  }
}

const writer = async (): Promise<void> => {
  for (let i = 0; i < 100; i++) await increment(settings, 'counter')
}
await settings.put('counter', '0')
await Promise.all([writer(), writer()])
console.log(`counter after two writers: ${(await settings.get('counter'))?.string()}`)

// ── A lock: whoever creates the key has it, for a second at most ────────────────────────────────────────────

// Without history: where there is one, no entry lives shorter than the marker of its end.
const locks = await kvm.create('locks', { markerTTL: 10_000 })
const lock = (owner: string): Promise<boolean> =>
  locks.create('lock', owner, '1s').then(
    () => true,
    () => false,
  )
console.log(`locked by a: ${await lock('a')}, by b as well: ${await lock('b')}`)
const ends = await locks.watch({ key: 'lock' })
for await (const { operation } of ends) if (operation !== 'PUT') break
console.log(`locked by b, after the lock of a has ended: ${await lock('b')}`)

await nc.drain()
await server.close()
rmSync(storeDir, { recursive: true })
