import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAnswers, saveAnswers } from '../../../src/tls/ocsp/store.ts'
import { scratchDirectory } from '../../support/configured-servers.ts'

test('what is saved is loaded', () => {
  const directory = join(scratchDirectory(), 'a', 'b')
  expect(loadAnswers(directory)).toEqual(new Map())
  const answers = new Map([
    ['AA', { status: 'good', thisUpdateMs: 1, nextUpdateMs: 2 }],
    ['BB', { status: 'revoked', thisUpdateMs: 3, nextUpdateMs: undefined }],
  ] as const)
  saveAnswers(directory, new Map())
  saveAnswers(directory, answers)
  expect(loadAnswers(directory)).toEqual(answers)
  expect(readdirSync(directory)).toHaveLength(1)
})

test.each(['', '{}', '[1]', '[["AA","fine",1,2]]', '[["AA","good","1",2]]', '[["AA","good",1]]'])(
  'what is something else is refused: %j',
  (text) => {
    const directory = scratchDirectory()
    saveAnswers(directory, new Map())
    writeFileSync(join(directory, readdirSync(directory)[0]), text)
    expect(() => loadAnswers(directory)).toThrow()
  },
)

test('where nothing can be written, saving throws', () => {
  const directory = scratchDirectory()
  mkdirSync(join(directory, 'heddle-ocsp.json'))
  expect(() =>
    saveAnswers(directory, new Map([['AA', { status: 'good', thisUpdateMs: 1, nextUpdateMs: 2 }]])),
  ).toThrow()
})
