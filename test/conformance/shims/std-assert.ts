// What the suites of nats.js use of Deno's `@std/assert`, over Node's own assertions: that package is in no npm registry.
// Where two values are compared, the text that a caller may add is dropped: the difference says more.

import assertion, { AssertionError } from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'

/** A class of errors, whatever its constructor takes. */
type ErrorClass = abstract new (...args: never[]) => Error

export function assert(value: unknown, text = 'the value is not true'): asserts value {
  assertion.ok(value, text)
}

export function assertFalse(value: unknown, text = 'the value is not false'): void {
  assertion.ok(!value, text)
}

export function assertExists<T>(value: T, text = 'nothing is there'): asserts value is NonNullable<T> {
  assertion.ok(value !== undefined && value !== null, text)
}

export function fail(text = 'the test fails here'): never {
  assertion.fail(text)
}

export function equal(actual: unknown, expected: unknown): boolean {
  // Deno compares bytes as it does any list, which takes minutes for megabytes.
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) return Buffer.compare(actual, expected) === 0
  return isDeepStrictEqual(actual, expected)
}

export function assertEquals(actual: unknown, expected: unknown): void {
  if (!equal(actual, expected)) assertion.deepStrictEqual(actual, expected)
}

export function assertNotEquals(actual: unknown, expected: unknown): void {
  assertion.notDeepStrictEqual(actual, expected)
}

export function assertMatch(actual: string, pattern: RegExp): void {
  assertion.match(actual, pattern)
}

export function assertStringIncludes(actual: string, part: string, text?: string): void {
  assertion.ok(actual.includes(part), text ?? `"${actual}" does not include "${part}"`)
}

export function assertArrayIncludes(actual: ArrayLike<unknown>, parts: ArrayLike<unknown>): void {
  const missing = Array.from(parts).filter((part) => !Array.from(actual).some((item) => equal(item, part)))
  assertion.deepStrictEqual(missing, [])
}

export function assertAlmostEquals(actual: number, expected: number, tolerance = 1e-7): void {
  assertion.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`)
}

export function assertInstanceOf(actual: unknown, type: ErrorClass, text?: string): void {
  assertion.ok(actual instanceof type, text ?? `${actual} is not a ${type.name}`)
}

function assertErrorIs(error: unknown, type: ErrorClass | string | undefined, part: string | undefined): unknown {
  if (type === undefined) return error
  if (!(error instanceof Error)) throw new AssertionError({ message: `no error was thrown but ${error}` })
  if (typeof type === 'function') assertInstanceOf(error, type, `${error.stack} is not a ${type.name}`)
  if (part !== undefined) assertStringIncludes(error.message, part)
  return error
}

export function assertIsError(error: unknown, type: ErrorClass = Error, part?: string): void {
  assertErrorIs(error, type, part)
}

/** Calls `act`, which must throw: an error of that type whose message includes `part`. Returns the error. */
export function assertThrows(act: () => unknown, type?: ErrorClass | string, part?: string): unknown {
  try {
    act()
  } catch (error) {
    return assertErrorIs(error, type, part)
  }
  throw new AssertionError({ message: 'nothing was thrown' })
}

/** As assertThrows, for what `act` promises. A synchronous throw is none: it is passed on. */
export async function assertRejects(
  act: () => PromiseLike<unknown>,
  type?: ErrorClass | string,
  part?: string,
): Promise<unknown> {
  const promise = act()
  try {
    await promise
  } catch (error) {
    return assertErrorIs(error, type, part)
  }
  throw new AssertionError({ message: 'nothing was rejected' })
}
