// The head of a request is the same however its bytes are cut.

import { expect, test } from 'vitest'
import { HANDSHAKE_BYTES_MAX } from '../../src/base/constants.ts'
import { HeadCollector } from '../../src/websocket/head.ts'
import { chooseSeed, Random } from '../support/random.ts'

type Taken = ReturnType<HeadCollector['take']>

/** What the pieces come to: the first answer that says something. */
function collect(pieces: Iterable<string>): Taken {
  const collector = new HeadCollector()
  for (const piece of pieces) {
    const taken = collector.take(Buffer.from(piece, 'latin1'))
    if (taken !== 'incomplete') return taken
  }
  return 'incomplete'
}

/** What a regular expression finds. */
function expected(text: string): Taken {
  const found = /\r?\n\r?\n/.exec(text)
  if (found === null) return text.length >= HANDSHAKE_BYTES_MAX + 4 ? 'tooLarge' : 'incomplete'
  if (found.index > HANDSHAKE_BYTES_MAX) return 'tooLarge'
  return { text: text.slice(0, found.index), rest: text.length - found.index - found[0].length }
}

test('it ends where its first empty line does', () => {
  const random = new Random(chooseSeed('head'))
  for (let round = 0; round < 2_000; round++) {
    const text = Array.from({ length: random.below(12) }, () => random.pick(['\r', '\n', '\r\n', 'a', 'b: c'])).join('')
    expect(collect([text]), JSON.stringify(text)).toEqual(expected(text))
    const cut = random.below(text.length + 1)
    const inTwo = collect([text.slice(0, cut), text.slice(cut)])
    // What comes with a later read is not behind the head yet.
    if (typeof inTwo === 'object') expect(inTwo.text).toBe((expected(text) as { text: string }).text)
    else expect(inTwo).toBe(expected(text))
    const byByte = collect(text)
    expect(typeof byByte === 'object' ? byByte.text : byByte).toEqual(
      typeof inTwo === 'object' ? inTwo.text : expected(text),
    )
  }
})

test.each([HANDSHAKE_BYTES_MAX - 1, HANDSHAKE_BYTES_MAX, HANDSHAKE_BYTES_MAX + 1])('of %i bytes: the bound', (size) => {
  const head = 'a'.repeat(size)
  const taken = size > HANDSHAKE_BYTES_MAX ? 'tooLarge' : { text: head, rest: 0 }
  expect(collect([`${head}\r\n\r\n`])).toEqual(taken)
  expect(collect(`${head}\r\n\r\n`)).toEqual(taken)
  expect(collect([head, '\n', '\n'])).toEqual(taken)
})

test('without an end it is too large, whether it comes at once or not', () => {
  expect(collect(['a'.repeat(1_000_000)])).toBe('tooLarge')
  expect(collect(new Array(20_000).fill('a'))).toBe('tooLarge')
})
