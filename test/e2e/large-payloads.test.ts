// Payloads of all sizes up to the largest, cut anywhere on their way in, on one shard and across shards.

import { createHash, randomFillSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openInTurn, useServer, WORKERS } from '../support/harness.ts'
import { chooseSeed, Random } from '../support/random.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const MIB = 1024 * 1024
/** Sizes around every bound that the server has inside. */
const SIZES = [0, 1, 511, 512, 513, 4000, 4096, 16, 64, 128, 256, 512, 1024].flatMap((size, i) =>
  i < 7 ? [size] : [size * KIB - 129, size * KIB - 1, size * KIB, size * KIB + (size === 1024 ? 0 : 1)],
)

function randomBytes(size: number): Buffer {
  return randomFillSync(Buffer.alloc(size))
}

const digest = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

interface Seen {
  subject: string
  reply: string
  header: string
  size: number
  digest: string
}

function collect(client: RawClient): Seen[] {
  const seen: Seen[] = []
  client.onMessage = ({ subject, reply, header, payload }) => {
    seen.push({ subject, reply, header: header.toString(), size: payload.length, digest: digest(payload) })
  }
  return seen
}

/** Writes bytes in pieces of the given lengths (the last piece takes the rest), each in a turn of its own. */
async function sendCut(client: RawClient, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    if (cut <= at) continue
    client.send(bytes.subarray(at, cut))
    at = cut
    await new Promise(setImmediate)
  }
}

describe.each(WORKERS)('large payloads with %i workers', (workers) => {
  const running = useServer({ workers })

  test('every size arrives as it was sent, at one receiver and at many', async () => {
    const [publisher, ...receivers] = await openInTurn(running.port, workers, 7, { headers: true })
    const lists = receivers.map(collect)
    // Different sids, so that some receivers share what was encoded and some do not.
    for (const [i, receiver] of receivers.entries()) receiver.send(`SUB size.> ${i % 2}\r\n`)
    receivers[0].send('SUB alone.> 9\r\n')
    for (const receiver of receivers) await receiver.sync()
    const sent: Seen[] = []
    for (const size of SIZES) {
      const payload = randomBytes(size)
      for (const to of ['size', 'alone']) {
        publisher.send(`PUB ${to}.${size} re.${size} ${size}\r\n`, payload, '\r\n')
        sent.push({ subject: `${to}.${size}`, reply: `re.${size}`, header: '', size, digest: digest(payload) })
      }
    }
    const many = sent.filter(({ subject }) => subject.startsWith('size'))
    await until('all sizes', () => lists.every((list, i) => list.length >= (i === 0 ? sent : many).length))
    expect(lists[0]).toEqual(sent)
    for (const list of lists.slice(1)) expect(list).toEqual(many)
  })

  test('every size arrives with its headers, and without them where they are not wanted', async () => {
    const [publisher, wants, doesNot] = await openInTurn(running.port, workers, 3, { headers: true })
    doesNot.send('CONNECT {"headers":false}\r\n')
    const lists = [wants, doesNot].map(collect)
    for (const client of [wants, doesNot]) {
      client.send('SUB h.> 1\r\n')
      await client.sync()
    }
    const header = 'NATS/1.0\r\nA: b\r\n\r\n'
    const sizes = SIZES.filter((size) => size + header.length <= MIB)
    const sent = sizes.map((size) => {
      const payload = randomBytes(size)
      publisher.send(`HPUB h.${size} ${header.length} ${header.length + size}\r\n${header}`, payload, '\r\n')
      return { subject: `h.${size}`, reply: '', header, size, digest: digest(payload) }
    })
    await until('all sizes', () => lists.every((list) => list.length >= sent.length))
    expect(lists[0]).toEqual(sent)
    expect(lists[1]).toEqual(sent.map((message) => ({ ...message, header: '' })))
  })

  test('a message arrives whole wherever it is cut', async () => {
    const random = new Random(chooseSeed('large-payloads'))
    const [publisher, ...receivers] = await openInTurn(running.port, workers, 3)
    const lists = receivers.map(collect)
    for (const receiver of receivers) receiver.send('SUB cut 1\r\n')
    for (const receiver of receivers) await receiver.sync()
    const sent: string[] = []
    const send = async (size: number, cutsOf: (length: number) => number[]): Promise<void> => {
      const payload = randomBytes(size)
      sent.push(digest(payload))
      const bytes = Buffer.concat([Buffer.from(`PUB cut r ${size}\r\n`), payload, Buffer.from('\r\n')])
      await sendCut(publisher, bytes, cutsOf(bytes.length))
    }
    // A small one at every place; larger ones around their ends and at random places.
    for (let cut = 1; cut < 30; cut++) await send(13, () => [cut])
    for (const size of [64 * KIB, MIB]) {
      const line = `PUB cut r ${size}\r\n`.length
      for (const at of [1, 3, line - 2, line - 1, line, line + 1]) await send(size, () => [at])
      for (const back of [1, 2, 3]) await send(size, (length) => [length - back])
      await send(size, (length) => [line + 1, length - 1])
    }
    for (let i = 0; i < 20; i++) {
      const size = random.pick([100, 5000, 64 * KIB, 300 * KIB, MIB])
      const pieces = 1 + random.below(6)
      await send(size, (length) => Array.from({ length: pieces }, () => random.below(length)).sort((a, b) => a - b))
    }
    await until('all messages', () => lists.every((list) => list.length >= sent.length))
    for (const list of lists) expect(list.map((message) => message.digest)).toEqual(sent)
  })

  test('large and small messages of several publishers at once arrive whole, each publisher in order', async () => {
    const random = new Random(chooseSeed('large-payloads'))
    const clients = await openInTurn(running.port, workers, 8)
    const publishers = clients.slice(0, 4)
    const lists = clients.slice(4).map(collect)
    for (const receiver of clients.slice(4)) receiver.send('SUB from.* 1\r\n')
    for (const receiver of clients.slice(4)) await receiver.sync()
    const sent: string[][] = publishers.map(() => [])
    for (let i = 0; i < 40; i++) {
      for (const [p, publisher] of publishers.entries()) {
        const payload = randomBytes(random.pick([0, 10, 1000, 20_000, 64 * KIB, 500 * KIB]))
        sent[p].push(digest(payload))
        publisher.send(`PUB from.${p} ${payload.length}\r\n`, payload, '\r\n')
      }
      await new Promise(setImmediate)
    }
    await until('all messages', () => lists.every((list) => list.length >= 160))
    for (const list of lists) {
      for (const [p] of publishers.entries()) {
        expect(list.filter(({ subject }) => subject === `from.${p}`).map((message) => message.digest)).toEqual(sent[p])
      }
    }
  })
})
