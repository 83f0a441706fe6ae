// What is known of clients' certificates is loaded and kept where the options say, and those may change.

import { expect, onTestFinished, test } from 'vitest'
import type { OcspCacheOptions } from '../../../src/options/shapes.ts'
import { OcspPeers } from '../../../src/tls/ocsp/peers.ts'
import { saveAnswers } from '../../../src/tls/ocsp/store.ts'
import { scratchDirectory } from '../../support/configured-servers.ts'

test('where the cache is, and whether there is one, is told by a reload', async () => {
  const [first, second] = [scratchDirectory(), scratchDirectory()]
  const answer = { status: 'good', thisUpdateMs: 1, nextUpdateMs: 2 } as const
  saveAnswers(first, new Map([['AA', answer]]))
  saveAnswers(second, new Map([['BB', answer]]))
  let options: OcspCacheOptions = { type: 'none', localStore: first, preserveRevoked: false, saveInterval: 1_000 }
  const peers = new OcspPeers({ warn: (text) => expect.fail(text), refused: () => expect.fail() }, () => options)
  onTestFinished(() => peers.close())
  const check = () => peers.check([], {} as Parameters<OcspPeers['check']>[1])
  await check()
  expect(peers.counts.good).toBe(0)
  options = { ...options, type: 'local' }
  await check()
  expect(peers.counts.good).toBe(1)
  options = { ...options, localStore: second }
  await check()
  expect(peers.counts.good).toBe(2)
})
