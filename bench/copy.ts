// src/node.sh bench/copy.ts: what it costs to copy a few bytes, by the ways there are. Nanoseconds a copy, the median
// of rounds taken in turn; src/memory/block.ts is built on it.

import { allocateBlock, copyBytes } from '../src/memory/block.ts'

const SPAN = 128 * 1024
const COPIES = 400_000
const ROUNDS = 9
const from = allocateBlock(2 * SPAN)
const to = allocateBlock(2 * SPAN)

type Copy = (at: number, length: number) => void
const WAYS: Record<string, Copy> = {
  'words (copyBytes)': (at, length) => copyBytes(to, at, from, at + 7, length),
  'Buffer.copy': (at, length) => void from.bytes.copy(to.bytes, at, at + 7, at + 7 + length),
  'set(subarray)': (at, length) => to.bytes.set(from.bytes.subarray(at + 7, at + 7 + length), at),
  'byte loop': (at, length) => {
    for (let i = 0; i < length; i++) to.bytes[at + i] = from.bytes[at + 7 + i]
  },
}

function nanoseconds(copy: Copy, length: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0, at = 0; i < COPIES; i++, at = (at + length) % SPAN) copy(at, length)
  return Number(process.hrtime.bigint() - start) / COPIES
}

process.stdout.write(`${'bytes'.padEnd(8)}${Object.keys(WAYS).join('  ')}\n`)
for (const length of [16, 40, 128, 512, 4096]) {
  const times = Object.values(WAYS).map((): number[] => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, copy] of Object.values(WAYS).entries()) times[i].push(nanoseconds(copy, length))
  }
  const medians = times.map((list) => list.toSorted((a, b) => a - b)[ROUNDS >> 1].toFixed(0))
  process.stdout.write(`${String(length).padEnd(8)}${medians.join('  ')}\n`)
}
