// How long CONNECT of another server may take: as nats-server has it.

import { describe, expect, test } from 'vitest'
import { clusterOptions } from '../../src/config/blocks/cluster-options.ts'
import { leafnodeOptions } from '../../src/config/blocks/leafnode-options.ts'

describe.each([
  ['a cluster', clusterOptions],
  ['leaf nodes', leafnodeOptions],
] as const)('%s', (_, optionsOf) => {
  test.each([
    [{}, 2000],
    [{ tls: { timeout: 0 } }, 3000],
    [{ tls: { timeout: 10_000 } }, 11_000],
    [{ tls: { timeout: 10_000 }, authorization: { timeout: 5000 } }, 5000],
  ])('%j: %d ms', (block, expected) => {
    expect(optionsOf({ port: 1, ...block }, 0, 0)?.authTimeout).toBe(expected)
  })
})
