import { expect, test } from 'vitest'
import { allocateBlock } from '../../src/memory/block.ts'
import { HeadComposer } from '../../src/protocol/encoder.ts'
import { LinkComposer } from '../../src/protocol/link-encoder.ts'
import { LEAF_FORMAT } from '../../src/protocol/link-handler.ts'
import { LinkParser } from '../../src/protocol/link-parser.ts'
import type { Run } from '../../src/protocol/run.ts'
import { unfoldShown } from '../../src/protocol/shown-subject.ts'
import { CountingPool } from '../memory/counting-pool.ts'
import { LinkRecorder } from './link-feed.ts'

/** What a client, and another server, are sent for a message of a leaf node. */
function passedOn(input: string): { client: string; server: string } {
  const pool = new CountingPool()
  const out = { client: '', server: '' }
  class Handler extends LinkRecorder {
    override processMessages(run: Run): number {
      unfoldShown(pool, run, (seen) => {
        const to = allocateBlock(4096)
        const client = new HeadComposer()
        client.begin(seen, '', '7', false)
        out.client = to.bytes.toString('latin1', 0, client.write(to, 0, seen, 0, 1))
        const server = new LinkComposer('leaf')
        server.begin(seen, '', '', false)
        out.server = to.bytes.toString('latin1', 0, server.write(to, 0, seen, 0, 1))
      })
      return run.count
    }
  }
  const parser = new LinkParser(new Handler(), pool, { maxControlLine: 65_536, maxPayload: 1024 }, LEAF_FORMAT)
  const block = allocateBlock(input.length)
  block.bytes.write(input, 'latin1')
  parser.push(block, 0, input.length)
  expect(pool.outstanding).toBe(0)
  return out
}

const ACK = '$JS.ACK.S1.D.1.1.1.1795939149533645971.0'

test('a client sees the subject behind the mark, another server gets the line as it came', () => {
  const line = `LMSG _INBOX.z.1 ${ACK}@s1.a 5\r\nhello\r\n`
  expect(passedOn(line)).toEqual({ client: `MSG s1.a 7 ${ACK} 5\r\nhello\r\n`, server: line })
})

test('the mark is the first one behind eight dots', () => {
  const ack = '$JS.ACK.st@ream.con@sumer.1.1.1.2.0'
  expect(passedOn(`LMSG i ${ack}@a@b 1\r\nx\r\n`).client).toBe(`MSG a@b 7 ${ack} 1\r\nx\r\n`)
})

test.each([
  ['a reply that is no acknowledgement', '$JS.FC.S1.D.1.1.1.1.1@s1.a'],
  ['too few dots', '$JS.ACK.S1.D.1.1.1@s1.a'],
  ['nothing behind the mark', `${ACK}@`],
  ['no mark', ACK],
])('%s is left as it is', (_, reply) => {
  expect(passedOn(`LMSG i ${reply} 1\r\nx\r\n`).client).toBe(`MSG i 7 ${reply} 1\r\nx\r\n`)
})
