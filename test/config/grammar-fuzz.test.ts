// Random texts, told by both servers: the same complaint, or the same digest. HEDDLE_SEED repeats a run;
// HEDDLE_CASES makes it longer.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../../src/config/language/digest.ts'
import { ConfigSyntaxError, parseConfigFile } from '../../src/config/language/parser.ts'
import { missing, peers } from '../support/peers.ts'
import { chooseSeed, Random } from '../support/random.ts'
import { surroundingsIn } from './support.ts'

const CASES = Number(process.env['HEDDLE_CASES'] ?? 150)
const ENVIRONMENT = { HEDDLE_TEST: '[ x, {b: 2 }]' }

const PIECES = [
  ...[
    'a',
    'b',
    'x = 1\n',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '(',
    ')\n',
    '(\nfoo\n)\n',
    ',',
    ';',
    '#c',
    '//d',
    '/',
    '=',
    ':',
    '.',
  ],
  ...[
    '-',
    '1',
    '23',
    '5k',
    '2mib',
    '5kbb',
    '1.5',
    '1.2.3',
    'true',
    'off',
    '$x',
    '$2a$x',
    '$HEDDLE_TEST',
    '\\',
    '\\n',
    '\\x41',
  ],
  ...[
    '\\xzz',
    '2016-05-04T18:53:41Z',
    '2016-',
    'include ',
    'é',
    '\u00a0',
    '\u0663',
    '\r',
    '\r\n',
    '\t',
    '\0',
    '<&>',
    '\u2028',
  ],
  ...[' ', ' ', '\n', '\n', ', ', ': ', '; ', '"q"', "'r'"],
]

function ours(folder: string): string {
  try {
    return digestOf(parseConfigFile('x.conf', surroundingsIn(folder, ENVIRONMENT)))
  } catch (error) {
    if (error instanceof ConfigSyntaxError) return error.message
    throw error
  }
}

function theirs(folder: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, ...ENVIRONMENT }, timeout: 10_000 }
    execFile(peers.natsServer as string, ['-t', '-c', 'x.conf'], options, (_, __, stderr) => resolve(stderr))
  })
}

describe.skipIf(missing('natsServer', 'random configuration texts beside nats-server'))('beside nats-server', () => {
  test('random texts are told the same', async () => {
    const random = new Random(chooseSeed('configuration texts'))
    const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (let i = 0; i < CASES; i++) {
      const count = 1 + random.below(12)
      const text = Array.from({ length: count }, () => random.pick(PIECES)).join('')
      // Where there is a system_account, nats-server takes anything for system: then it tells a digest.
      const whole = random.chance(2 / 3) ? `system_account: A\nsystem: ${text}\n` : text
      writeFileSync(join(folder, 'x.conf'), whole)
      const [said, answer] = [await theirs(folder), ours(folder)]
      const digest = /is valid \((.*)\)/.exec(said)?.[1]
      // Complaints about keys come after the grammar, which was found good.
      const passed = /x\.conf(?::\d+:\d+)?: /.test(said) && !said.includes('config is invalid')
      if (digest !== undefined) expect(answer, JSON.stringify(whole)).toBe(digest)
      else if (passed) expect(answer, JSON.stringify(whole)).toMatch(/^sha256:/)
      else expect(`nats-server: ${answer}\n`, JSON.stringify(whole)).toBe(said)
    }
    // A process a text.
  }, 120_000)
})
