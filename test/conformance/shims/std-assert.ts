// What the suites of nats.js use of Deno's `@std/assert`, over Node's own assertions: that package is in no npm registry.

import assertion, { AssertionError } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'

/** A class of errors, whatever its constructor takes. */
type ErrorClass = abstract new (...args: never[]) => Error

export function assert(value: unknown, text?: string): asserts value {
  assertion.ok(value, text)
}

export function assertFalse(value: unknown, text?: string): void {
  assertion.ok(!value, text)
}

export function assertExists<T>(value: T, text?: string): asserts value is NonNullable<T> {
  assertion.ok(value !== undefined && value !== null, text ?? 'nothing is there')
}

export function fail(text?: string): never {
  assertion.fail(text)
}

export function equal(actual: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(actual, expected)
}

export function assertEquals(actual: unknown, expected: unknown, text?: string): void {
  assertion.deepStrictEqual(actual, expected, text)
}

export function assertNotEquals(actual: unknown, expected: unknown, text?: string): void {
  assertion.notDeepStrictEqual(actual, expected, text)
}

export function assertMatch(actual: string, pattern: RegExp, text?: string): void {
  assertion.match(actual, pattern, text)
}

export function assertStringIncludes(actual: string, part: string, text?: string): void {
  assertion.ok(actual.includes(part), text ?? `"${actual}" does not include "${part}"`)
}

export function assertArrayIncludes(actual: ArrayLike<unknown>, parts: ArrayLike<unknown>, text?: string): void {
  const missing = Array.from(parts).filter((part) => !Array.from(actual).some((item) => equal(item, part)))
  assertion.deepStrictEqual(missing, [], text)
}

export function assertInstanceOf(actual: unknown, type: ErrorClass, text?: string): void {
  assertion.ok(actual instanceof type, text ?? `${actual} is not a ${type.name}`)
}

function assertErrorIs(error: unknown, type: ErrorClass | string | undefined, part: string | undefined): Error {
  if (!(error instanceof Error)) throw new AssertionError({ message: `no error was thrown but ${error}` })
  if (typeof type === 'function') assertInstanceOf(error, type, `${error.stack} is not a ${type.name}`)
  if (part !== undefined) assertStringIncludes(error.message, part)
  return error
}

/** Calls `act`, which must throw: an error of that type whose message includes `part`. Returns the error. */
export function assertThrows(act: () => unknown, type?: ErrorClass | string, part?: string): Error {
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
): Promise<Error> {
  const promise = act()
  try {
    await promise
  } catch (error) {
    return assertErrorIs(error, type, part)
  }
  throw new AssertionError({ message: 'nothing was rejected' })
}
