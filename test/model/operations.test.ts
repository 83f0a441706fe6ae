// Random operations of clients beside nats-server, some hundreds of them; operations-fuzz.ts plays as many as wanted.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { HEDDLES, scratchDirectory } from '../support/configured-servers.ts'
import { missing, peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { type ServerProgram, startNatsServer } from '../support/server.ts'
import { CONFIG, compare, Trio } from './operations.ts'

const OPERATIONS = 400

test.skipIf(missing('natsServer', 'random operations beside nats-server'))(
  'every connection reads the same',
  async () => {
    const file = join(scratchDirectory(), 'operations.conf')
    writeFileSync(file, CONFIG)
    const open = async (program: ServerProgram): Promise<Trio> => {
      onTestFinished(async () => void (await program.stop()))
      return Trio.open(program.port)
    }
    const ours = await open(await HEDDLES[0].start(['-c', file]))
    const theirs = await open(await startNatsServer(peers.natsServer ?? '', ['-c', file]))
    onTestFinished(async () => {
      await Promise.all([ours.close(), theirs.close()])
    })
    await compare(ours, theirs, new Random(chooseSeed('operations beside nats-server')), OPERATIONS)
  },
)
