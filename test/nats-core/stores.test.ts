// @nats-io/kv and @nats-io/obj over the client: the calls that their users make.

import { StorageType } from '@nats-io/jetstream'
import { Kvm, KvWatchInclude } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { describe, expect, test } from 'vitest'
import { nanos } from '../../src/nats-core/index.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { until } from '../support/until.ts'
import { kinds, take, use } from './servers.ts'

let buckets = 0

describe.each(kinds('@nats-io/kv and @nats-io/obj over the client'))('on $name', (kind) => {
  const server = use(kind)

  test('key-value: put, create, update, get, delete, purge, keys, history, status', async () => {
    const kvm = new Kvm(await server.connect())
    const kv = await kvm.create(`B${++buckets}`, { history: 5, storage: StorageType.Memory })
    expect(await kv.put('a', 'one')).toBe(1)
    expect(await kv.create('b', 'two')).toBe(2)
    await expect(kv.create('b', 'two')).rejects.toThrow(/wrong last sequence/)
    expect(await kv.update('a', 'three', 1)).toBe(3)
    await expect(kv.update('a', 'four', 1)).rejects.toThrow(/wrong last sequence/)
    const entry = await kv.get('a')
    expect([entry?.string(), entry?.revision, entry?.operation]).toEqual(['three', 3, 'PUT'])
    expect((await kv.get('a', { revision: 1 }))?.string()).toBe('one')
    expect(await kv.get('none')).toBeNull()
    expect((await take(await kv.keys())).toSorted()).toEqual(['a', 'b'])
    await kv.delete('b')
    expect((await kv.get('b'))?.operation).toBe('DEL')
    expect(await take(await kv.keys())).toEqual(['a'])
    const history = await take(await kv.history({ key: 'a' }))
    expect(history.map((one) => [one.revision, one.string()])).toEqual([
      [1, 'one'],
      [3, 'three'],
    ])
    await kv.purge('a')
    expect((await take(await kv.history({ key: 'a' }))).map(({ operation }) => operation)).toEqual(['PURGE'])
    expect(await kv.status()).toMatchObject({ history: 5, values: 3 })
    expect((await take(kvm.list())).map(({ bucket }) => bucket)).toContain(`B${buckets}`)
    expect(await kv.destroy()).toBe(true)
  })

  test('key-value: a watch sees what is there and what comes', async () => {
    const kv = await new Kvm(await server.connect()).create(`B${++buckets}`, { storage: StorageType.Memory })
    await kv.put('x.1', 'a')
    await kv.put('y.1', 'b')
    const seen: string[] = []
    const watch = await kv.watch({ key: 'x.*' })
    for await (const { key, operation } of watch) {
      seen.push(`${key} ${operation}`)
      if (seen.length === 1) {
        await kv.put('x.2', 'c')
        await kv.put('y.2', 'd')
        await kv.delete('x.1')
      }
      if (seen.length === 3) break
    }
    expect(seen.join()).toBe('x.1 PUT,x.2 PUT,x.1 DEL')
    const updates = await kv.watch({ include: KvWatchInclude.UpdatesOnly })
    await kv.put('z', 'e')
    expect((await take(updates, 1)).map(({ key }) => key)).toEqual(['z'])
  })

  test('key-value: keys end after their time, with a marker where one is asked for', async () => {
    const kv = await new Kvm(await server.connect()).create(`B${++buckets}`, {
      storage: StorageType.Memory,
      markerTTL: 60_000,
    })
    await kv.create('short', 'x', '1s')
    const watch = await kv.watch()
    const seen = (await take(watch, 2)).map(({ key, operation }) => `${key} ${operation}`)
    expect(seen).toEqual(['short PUT', 'short PURGE'])
    await until('its end', async () => ((await kv.get('short'))?.operation ?? 'PURGE') === 'PURGE')
  })

  test('objects: put and get blobs and streams, info, list, update, delete', async () => {
    const random = new Random(chooseSeed('objects'))
    const objm = new Objm(await server.connect())
    const store = await objm.create(`O${++buckets}`, { storage: StorageType.Memory, ttl: nanos(3_600_000) })
    const large = Buffer.alloc(700_000, random.below(256))
    const info = await store.putBlob({ name: 'large', description: 'big' }, large)
    expect(info).toMatchObject({ name: 'large', size: 700_000, deleted: false })
    expect(info.chunks).toBeGreaterThan(1)
    expect(Buffer.compare((await store.getBlob('large')) ?? new Uint8Array(), large)).toBe(0)
    const chunks = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (let i = 0; i < 10; i++) controller.enqueue(Buffer.alloc(30_000, i))
        controller.close()
      },
    })
    await store.put({ name: 'streamed', options: { max_chunk_size: 10_000 } }, chunks)
    const result = await store.get('streamed')
    expect((await take(result?.data ?? new ReadableStream())).reduce((sum, { length }) => sum + length, 0)).toBe(
      300_000,
    )
    // The digest was right.
    expect((await result?.error) ?? null).toBeNull()
    expect((await store.list()).map(({ name }) => name).toSorted()).toEqual(['large', 'streamed'])
    await store.update('large', { name: 'larger' })
    expect((await store.info('larger'))?.size).toBe(700_000)
    await store.delete('streamed')
    expect((await store.info('streamed'))?.deleted).toBe(true)
    expect(await store.get('streamed')).toBeNull()
    expect((await store.status()).size).toBeGreaterThan(700_000)
  })

  test('objects: links, a watch, and the end of changes', async () => {
    const objm = new Objm(await server.connect())
    const store = await objm.create(`O${++buckets}`, { storage: StorageType.Memory })
    const other = await objm.create(`O${++buckets}`, { storage: StorageType.Memory })
    const watch = await store.watch()
    const info = await store.putBlob({ name: 'a' }, Buffer.from('one'))
    await store.link('same', info)
    await other.link('there', info)
    await other.linkStore('whole', store)
    expect((await take(watch, 2)).map(({ name }) => name)).toEqual(['a', 'same'])
    expect(Buffer.from((await store.getBlob('same')) ?? []).toString()).toBe('one')
    expect(Buffer.from((await other.getBlob('there')) ?? []).toString()).toBe('one')
    expect((await store.seal()).sealed).toBe(true)
    await expect(store.putBlob({ name: 'b' }, Buffer.from('two'))).rejects.toThrow(/sealed/)
    expect(await store.destroy()).toBe(true)
  })
})
