// What the suites of nats.js use of Deno's `@std/bytes`: that package is in no npm registry.

import { Buffer } from 'node:buffer'

export function equals(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
