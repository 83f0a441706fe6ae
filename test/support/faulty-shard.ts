// A worker's entry for tests only: the real one, which also dies on demand, in a way of the test's choice.

import { parentPort } from 'node:worker_threads'
import './built-shard.ts'
import type { Die, Way } from './faulty-ways.ts'

parentPort?.on('message', (message: { kind: string }) => {
  if (message.kind !== 'die') return
  const { way, dying } = message as Die
  const word = new Int32Array(dying)
  Atomics.store(word, 0, 1)
  die(way)
})

function die(way: Way): void {
  switch (way) {
    case 'throw':
      throw new Error('a test makes this shard throw')
    case 'unhandled rejection':
      void Promise.reject(new Error('a test makes this shard reject'))
      return
    case 'process.exit':
      process.exit(3)
      return
    case 'heap out of memory': {
      const hoard: number[][] = []
      for (;;) hoard.push(new Array(10_000).fill(hoard.length + 0.5))
    }
    case 'stack overflow':
      overflow(0)
      return
    case 'endless loop':
      for (;;);
    case 'Atomics.wait':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      return
    case 'runaway regular expression':
      ;/^(a+)+$/.test(`${'a'.repeat(60)}b`)
      return
    case 'process.abort':
      process.abort()
  }
}

function overflow(depth: number): number {
  return overflow(depth + 1) + 1
}
