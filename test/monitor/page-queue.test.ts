import { expect, it } from 'vitest'
import { PAGE_WAIT_MS, PAGES_AT_ONCE } from '../../src/base/constants.ts'
import { type Answer, textAnswer } from '../../src/monitor/answer.ts'
import { PageQueue } from '../../src/monitor/page-queue.ts'

/** Pages that are made when the test says so. */
class Pages {
  nowMs = 0
  readonly queue = new PageQueue(() => this.nowMs)
  readonly begun: string[] = []
  private readonly ends = new Map<string, PromiseWithResolvers<Answer>>()

  ask(key: string): Promise<string | undefined> {
    const answer = this.queue.share(key, () => {
      this.begun.push(key)
      const page = Promise.withResolvers<Answer>()
      this.ends.set(key, page)
      return page.promise
    })
    return answer.then(({ text }) => text)
  }

  async end(key: string, text = key): Promise<void> {
    this.ends.get(key)?.resolve(textAnswer(text))
    await new Promise((resolve) => setImmediate(resolve))
  }

  async fail(key: string): Promise<void> {
    this.ends.get(key)?.reject(new Error('lost'))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `page ${i}`)

it('begins few at a time, in order', async () => {
  const pages = new Pages()
  const keys = names(PAGES_AT_ONCE + 2)
  const answers = keys.map((key) => pages.ask(key))
  expect(pages.begun).toEqual(keys.slice(0, PAGES_AT_ONCE))
  for (const key of keys) await pages.end(key)
  expect(pages.begun).toEqual(keys)
  expect(await Promise.all(answers)).toEqual(keys)
})

it('makes one page for all who wait for it, and none that had begun before the question', async () => {
  const pages = new Pages()
  const others = names(PAGES_AT_ONCE - 1).map((key) => pages.ask(key))
  const first = pages.ask('same')
  const waiting = [pages.ask('same'), pages.ask('same'), pages.ask('same')]
  await pages.end('same', 'old')
  await pages.end('same', 'new')
  expect(await first).toBe('old')
  expect(await Promise.all(waiting)).toEqual(['new', 'new', 'new'])
  expect(pages.begun.filter((key) => key === 'same')).toHaveLength(2)
  for (const key of names(PAGES_AT_ONCE - 1)) await pages.end(key)
  await Promise.all(others)
})

it('goes on after a page that failed', async () => {
  const pages = new Pages()
  const lost = Promise.allSettled(names(PAGES_AT_ONCE).map((key) => pages.ask(key)))
  const next = pages.ask('next')
  for (const key of names(PAGES_AT_ONCE)) await pages.fail(key)
  await pages.end('next')
  expect((await lost).map(({ status }) => status)).toEqual(Array(PAGES_AT_ONCE).fill('rejected'))
  expect(await next).toBe('next')
})

it('tells those who have waited too long', async () => {
  const pages = new Pages()
  const busy = names(PAGES_AT_ONCE).map((key) => pages.ask(key))
  const early = pages.ask('early')
  pages.nowMs += PAGE_WAIT_MS + 1
  const late = pages.ask('late')
  for (const key of names(PAGES_AT_ONCE)) await pages.end(key)
  expect(await early).toBe('503 service unavailable: too many pages are asked for\n')
  await pages.end('late')
  expect(await late).toBe('late')
  await Promise.all(busy)
})
