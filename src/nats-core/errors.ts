// Errors of the client as those of nats-core, whose packages and users test them by class.

import { errors } from '@nats-io/nats-core'

type Class = new (...args: never) => Error

/** By name, as the classes of two bundles of the client differ. What nats-core has no class for stays as it is. */
const CLASSES: ReadonlyMap<string, Class> = new Map(Object.entries<Class>(errors))

/** nats-core calls some otherwise than their classes. */
const NAMES: Readonly<Record<string, string>> = { NoRespondersError: 'NoResponders' }

/** The same error, with the same members and stack, of nats-core's class; its causes too. */
export function theirError<T>(error: T): T | Error {
  if (!(error instanceof Error)) return error
  const kind = CLASSES.get(error.name)
  if (kind === undefined) return error
  const options = error.cause === undefined ? {} : { cause: theirError(error.cause) }
  // Their constructors take other arguments each, and make nothing but these members.
  const theirs = Reflect.construct(Error, [error.message, options], kind) as Error
  Object.assign(theirs, error, { name: NAMES[error.name] ?? error.name })
  if (error.stack !== undefined) theirs.stack = error.stack
  return theirs
}

/** Does something of the client; what it throws is thrown as nats-core's. */
export function asTheirs<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw theirError(error)
  }
}

/** For promises of the client. */
export function rejectAsTheirs(error: unknown): never {
  throw theirError(error)
}
