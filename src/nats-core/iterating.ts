// An iteration over what another one has, each item as something else.

import { theirError } from './errors.ts'

/** An iteration as nats-core has it: it can be ended from outside. */
export interface StoppableIteration<T> extends AsyncIterableIterator<T> {
  /** Ends it; whoever waits for an item is told. */
  stop(): void
}

/** What it throws is thrown as nats-core's. */
export function iterationOver<A, B>(items: AsyncIterable<A>, convert: (item: A) => B): StoppableIteration<B> {
  const inner = items[Symbol.asyncIterator]()
  const left = (): Promise<IteratorReturnResult<undefined>> => Promise.resolve({ done: true, value: undefined })
  const converted = (result: IteratorResult<A>): IteratorResult<B> =>
    result.done === true ? result : { done: false, value: convert(result.value) }
  const iteration: StoppableIteration<B> = {
    next: () =>
      inner.next().then(converted, (error) => {
        throw theirError(error)
      }),
    return: () => inner.return?.().then(converted) ?? left(),
    stop: () => {
      iteration.return?.().catch(() => undefined)
    },
    [Symbol.asyncIterator]: () => iteration,
  }
  return iteration
}
