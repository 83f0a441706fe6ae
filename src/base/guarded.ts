// A bug costs the unit in which it happens: one connection, one request, one answer. Whatever an event loop calls
// (event listeners, timers, messages, the ends of promises) has no caller that catches what it throws, and would take
// the thread along with all its connections, or the embedding program.

/** Told of a bug: logs it with its stack, and ends what it happened in. */
export type OnBug = (error: unknown) => void

/** Does something for an event loop: what it throws, or what its promise is rejected with, goes to `onBug`. */
export function attempt(onBug: OnBug, act: () => unknown): void {
  try {
    const done = act()
    if (done instanceof Promise) done.catch(onBug)
  } catch (error) {
    onBug(error)
  }
}

/** A listener or a timer's callback that does `act` so. */
export function guarded<A extends unknown[]>(onBug: OnBug, act: (...args: A) => unknown): (...args: A) => void {
  return (...args) => attempt(onBug, () => act(...args))
}
