// Memory for messages: what nobody reads goes, and is read from the disk again.

import { expect, test } from 'vitest'
import { StoreFolder } from './file-stores.ts'

test('pages that nobody touches leave the memory; their messages are there, and appending goes on', async () => {
  const folder = new StoreFolder()
  const { cache } = folder.host
  try {
    const store = await folder.open()
    const append = (): number =>
      store.append(1, Buffer.from('a'), Buffer.alloc(0), Buffer.from(`payload ${store.last + 1}`))
    for (let i = 0; i < 50; i++) append()
    // What is not written yet stays, however often.
    for (let i = 0; i < 3; i++) cache.sweep()
    expect(cache.bytes).toBeGreaterThan(0)
    await store.flush()
    expect(store.load(50)).not.toBeInstanceOf(Promise)
    cache.sweep()
    expect(cache.bytes).toBeGreaterThan(0)
    cache.sweep()
    expect(cache.bytes).toBe(0)
    expect(append()).toBe(51)
    await store.flush()
    for (const seq of [1, 50, 51]) expect(String((await store.load(seq))?.payload)).toBe(`payload ${seq}`)
    await store.close()
    expect([folder.bugs, folder.losses, cache.bytes]).toEqual([[], [], 0])
  } finally {
    folder.remove()
  }
})
