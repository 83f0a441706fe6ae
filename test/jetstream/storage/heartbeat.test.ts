// Long work for a store shows that it gets on, whichever part of it takes long: otherwise its thread would be replaced.

import { expect, onTestFinished, test } from 'vitest'
import { blockWork } from '../../../src/jetstream/storage/block-work.ts'
import { Heartbeat, showHeartbeat } from '../../../src/jetstream/storage/heartbeat.ts'
import { until } from '../../support/until.ts'
import { type Flavour, StoreFolder } from './file-stores.ts'

const MESSAGES = 1000
const BLOCK_BYTES = 1024 * 1024
const heartbeat = new Heartbeat()
showHeartbeat(heartbeat.memory)

/** A store of so many messages, which are somewhat more than BLOCK_BYTES. */
async function filled(flavour: Flavour) {
  const folder = new StoreFolder(flavour)
  onTestFinished(() => folder.remove())
  const store = await folder.open()
  const payload = Buffer.alloc(BLOCK_BYTES / MESSAGES, 'x')
  for (let i = 0; i < MESSAGES; i++) store.append(1, Buffer.from('S.x'), Buffer.alloc(0), payload)
  return { folder, store }
}

test('when messages that were removed are left out at the start', async () => {
  const { folder, store } = await filled({ blockBytes: BLOCK_BYTES * 2 })
  await store.flush()
  store.purge({ below: MESSAGES })
  await store.flush()
  await store.abandon()
  const before = heartbeat.heartbeat()
  const { index } = await blockWork.recover(folder.folder, undefined)
  expect(index.messages).toBe(1)
  expect(heartbeat.heartbeat() - before).toBeGreaterThan(MESSAGES / 2)
})

test('when a block is compressed', async () => {
  const { store } = await filled({ blockBytes: BLOCK_BYTES, isCompressed: true })
  const before = heartbeat.heartbeat()
  await store.flush()
  await until('the first block to be sealed', () => store.unsealedBlocks === 0)
  expect(heartbeat.heartbeat() - before).toBeGreaterThan(MESSAGES / 2)
  await store.close()
})
