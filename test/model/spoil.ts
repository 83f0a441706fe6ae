// Inputs of parsers made worse by seed: bits flipped, tokens put in, lines twice, and where they are cut.

import type { Random } from '../support/random.ts'

export const GAPS: readonly string[] = [' ', ' ', ' ', '  ', '\t', ' \t ']
export const ENDS: readonly string[] = ['\r\n', '\r\n', '\r\n', '\n', ' \r\n']

/** Some places at which an input is cut, ascending. */
export function makeCuts(random: Random, length: number): number[] {
  const cuts = new Set<number>()
  const count = 1 + random.below(8)
  for (let i = 0; i < count; i++) cuts.add(random.below(length + 1))
  return [...cuts].sort((a, b) => a - b)
}

/** Some of its letters in lower case. */
export function mixedCase(random: Random, text: string): string {
  return [...text].map((char) => (random.chance(0.5) ? char.toLowerCase() : char)).join('')
}

/** One small change: `tokens` are pieces on which parsers stumble, `seeds` are whole inputs. */
export function spoil(random: Random, input: Buffer, tokens: readonly Buffer[], seeds: readonly Buffer[]): Buffer {
  const { length } = input
  const at = random.below(length + 1)
  const to = Math.min(length, at + 1 + random.below(8))
  switch (random.below(9)) {
    case 0: // a bit flipped
      return replaced(input, at, at + 1, Buffer.of((input[at] ?? 0) ^ (1 << random.below(8))))
    case 1: // a byte replaced
      return replaced(input, at, at + 1, Buffer.of(random.below(256)))
    case 2: // a token inserted
      return replaced(input, at, at, random.pick(tokens))
    case 3: // a token in place of some bytes
      return replaced(input, at, to, random.pick(tokens))
    case 4: // some bytes left out
      return replaced(input, at, to, Buffer.alloc(0))
    case 5: // some bytes twice, or many times
      return replaced(input, at, at, Buffer.concat(Array(1 + random.below(6)).fill(input.subarray(at, to))))
    case 6: // cut short
      return input.subarray(0, at)
    case 7: {
      // the beginning of this one and the end of another
      const other = random.pick(seeds)
      return Buffer.concat([input.subarray(0, at), other.subarray(random.below(other.length + 1))])
    }
    default: {
      // a whole line twice
      const lineEnd = input.indexOf(10, at)
      const lineStart = at === 0 ? 0 : input.lastIndexOf(10, at - 1) + 1
      return lineEnd < 0 ? input : replaced(input, lineStart, lineStart, input.subarray(lineStart, lineEnd + 1))
    }
  }
}

function replaced(input: Buffer, from: number, to: number, by: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, from), by, input.subarray(to)])
}
