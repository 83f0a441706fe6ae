// Operations in bytes that come in any pieces.

import { expect, test } from 'vitest'
import { messageOf, type Operation, OperationSplitter } from '../../src/test-kit/operations.ts'
import { chooseSeed, Random } from '../support/random.ts'

const CONVERSATION = [
  'CONNECT {"name":"a b","verbose":false}\r\n',
  'PING\r\n',
  'sub foo.* q 1\r\n',
  'PUB orders.new 5\r\nhello\r\n',
  'PUB\torders.new  in.box \t 0\r\n\r\n',
  'HPUB h.é reply 23 28\r\nNATS/1.0\r\nA: 1\r\nB: \r\n\r\nPUB\r\n\r\n',
  `PUB long 100000\r\n${'PUB x 1\r\n'.repeat(20_000).slice(0, 100_000)}\r\n`,
  '+OK\r\n',
  "-ERR 'Unknown Protocol Operation'\r\n",
  'UNSUB 1\n',
]
const BYTES = Buffer.concat(CONVERSATION.map((text) => Buffer.from(text)))

function split(chunks: readonly Buffer[]): Operation[] {
  const splitter = new OperationSplitter()
  return [...chunks.flatMap((chunk) => splitter.split(chunk)), ...splitter.rest()]
}

const texts = (operations: readonly Operation[]): string[] => operations.map(({ bytes }) => bytes.toString())

test('each operation is one, with its payload, however the bytes are cut', () => {
  expect(texts(split([BYTES]))).toEqual(CONVERSATION)
  const random = new Random(chooseSeed('operations'))
  for (let round = 0; round < 200; round++) {
    const chunks: Buffer[] = []
    for (let at = 0; at < BYTES.length; ) {
      const size = 1 + random.below(random.chance(0.5) ? 20 : 30_000)
      chunks.push(BYTES.subarray(at, at + size))
      at += size
    }
    expect(texts(split(chunks)), `seed ${random.seed}`).toEqual(CONVERSATION)
  }
})

test('an operation is there with its last byte, long lines too', () => {
  const splitter = new OperationSplitter()
  const line = Buffer.from(`CONNECT ${JSON.stringify({ jwt: 'x'.repeat(20_000) })}\r\n`)
  expect(splitter.split(line.subarray(0, 9_000))).toEqual([])
  expect(splitter.split(line.subarray(9_000, -1))).toEqual([])
  expect(texts(splitter.split(line.subarray(-1)))).toEqual([line.toString()])
})

test('messages have their parts', () => {
  const [, , , plain, empty, withHeaders] = split([BYTES])
  expect(messageOf(plain)).toEqual({
    subject: 'orders.new',
    reply: '',
    headers: undefined,
    data: Buffer.from('hello'),
  })
  expect(messageOf(empty)).toMatchObject({ subject: 'orders.new', reply: 'in.box', data: Buffer.alloc(0) })
  expect(messageOf(withHeaders)).toMatchObject({ subject: 'h.é', reply: 'reply', data: Buffer.from('PUB\r\n') })
  const [delivered, both] = split([Buffer.from('MSG a 7 in 2\r\nhi\r\nHMSG b 8 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')])
  expect(messageOf(delivered)).toMatchObject({ subject: 'a', reply: 'in', data: Buffer.from('hi') })
  expect(messageOf(both)).toMatchObject({ subject: 'b', reply: '', data: Buffer.from('hi') })
  expect(messageOf(split([BYTES])[1])).toBeUndefined()
})

test('what is no protocol goes on as it comes, from there on', () => {
  const splitter = new OperationSplitter()
  const hello = Buffer.from([0x16, 3, 1, 0, 5, 10, 10, 10])
  expect(texts(splitter.split(Buffer.from('PING\r\n')))).toEqual(['PING\r\n'])
  expect(splitter.split(hello).map(({ verb, bytes }) => [verb, bytes])).toEqual([['', hello]])
  expect(splitter.split(Buffer.from('PI')).map(({ verb }) => verb)).toEqual([''])
  expect(texts(split([Buffer.from('PUB a -5\r\n'), Buffer.from('PING\r\n')]))).toEqual(['PUB a -5\r\n', 'PING\r\n'])
  expect(texts(split([Buffer.from('PUB a 5\r\nhe')]))).toEqual(['PUB a 5\r\nhe'])
})
