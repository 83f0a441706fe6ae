import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { type ShardThread, ShardThreads } from '../../src/primary/shard-threads.ts'

/** Threads that run so. */
function threadsThat(does: string): (index: number) => ShardThread {
  const threads = new ShardThreads(entryOf(does))
  return (index) => ended(threads.take(index))
}

function entryOf(does: string): URL {
  return new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads';${does}`)}`,
  )
}

/** The thread, which ends with the test. */
function ended(thread: ShardThread): ShardThread {
  onTestFinished(async () => {
    thread.end()
    await thread.exited
  })
  return thread
}

const IDLE = 'parentPort.on("message", (message) => parentPort.postMessage(message))'

test('a thread that was begun for a shard is taken for it, once', async () => {
  const threads = new ShardThreads(entryOf(IDLE))
  threads.begin(1)
  const [other, first, second] = [2, 1, 1].map((index) => ended(threads.take(index)))
  expect(new Set([other, first, second]).size).toBe(3)
  for (const { worker } of [other, first, second]) {
    worker.postMessage('hello')
    expect(await once(worker, 'message')).toEqual(['hello'])
  }
})

test('one that ends by itself has ended, and has no error', async () => {
  const thread = threadsThat('')(0)
  await thread.exited
  expect(thread.error).toBeUndefined()
})

test('one that a bug ends says which, also if it is none of an error’s kind', async () => {
  const thread = threadsThat('throw new Error("a bug")')(0)
  await thread.exited
  expect(thread.error).toBeInstanceOf(Error)
  expect(thread.error?.message).toBe('a bug')
  const other = threadsThat('throw "a text"')(0)
  await other.exited
  expect(other.error?.message).toBe('a text')
})

test('one that does not turn its loop is ended all the same, as often as it is asked for', async () => {
  const thread = threadsThat('parentPort.postMessage(0); for (;;);')(0)
  await once(thread.worker, 'message')
  thread.end()
  thread.end()
  await thread.exited
  thread.end()
  expect(thread.error).toBeUndefined()
})

test('a file that is not there is an error of the thread, not of the primary', async () => {
  const thread = ended(new ShardThreads(new URL('file:///no/such/entry.js')).take(0))
  await thread.exited
  expect(thread.error?.message).toContain('/no/such/entry.js')
})
