// The memory for messages of all file stores of a shard: pages of blocks, those that were written lately and those that
// were read. It is bounded for the shard, not for a store. Of pages that nobody has touched since the hand of the clock
// passed them last, the next one goes first. What nobody touches for a while goes, too: streams at rest take no memory.

import type { Block } from '../../memory/block.ts'
import type { BlockCipher } from './block-cipher.ts'

export class Page {
  /** The block of which it is, and its place among the store's pages. */
  readonly key: number
  /** Offset in the block of its first byte, and behind its last. */
  readonly start: number
  end: number
  /** Replaced, never changed but behind its end: messages that were handed out lie in it. */
  block: Block
  /** With which each of its records is encrypted. */
  readonly cipher: BlockCipher | undefined
  /** It was read, so its records have to be verified. */
  readonly isRead: boolean
  /** Its bytes up to here have been handed to the disk. */
  written: number
  /** Writes that need it. */
  pins = 0
  isTouched = true
  /** When it is touched first, the pages behind it are read. */
  leadsOn = false
  /** Its place in the cache. */
  place = -1
  readonly owner: PageOwner

  constructor(
    owner: PageOwner,
    key: number,
    start: number,
    end: number,
    block: Block,
    read: boolean,
    cipher?: BlockCipher,
  ) {
    this.owner = owner
    this.key = key
    this.start = start
    this.end = end
    this.block = block
    this.isRead = read
    this.cipher = cipher
    this.written = end
  }
}

export interface PageOwner {
  /** The page has left the cache. */
  forget(page: Page): void
}

/** Pages that nobody touches go after once or twice as long. */
const IDLE_MS = 10_000

export class PageCache {
  readonly limitBytes: number
  bytes = 0
  private timer: NodeJS.Timeout | undefined
  private readonly pages: Page[] = []
  private hand = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  add(page: Page): void {
    page.place = this.pages.push(page) - 1
    this.timer ??= setTimeout(() => this.sweep(), IDLE_MS).unref()
    this.bytes += page.block.capacity
    this.evict(page)
  }

  /** Gives a page other memory. */
  replace(page: Page, block: Block): void {
    this.bytes += block.capacity - page.block.capacity
    page.block = block
    this.evict(page)
  }

  remove(page: Page): void {
    if (page.place < 0) return
    const last = this.pages.pop() as Page
    if (last !== page) {
      this.pages[page.place] = last
      last.place = page.place
    }
    page.place = -1
    this.bytes -= page.block.capacity
    page.owner.forget(page)
  }

  /** Lets pages go that nobody has touched since the last time. */
  sweep(): void {
    for (const page of [...this.pages]) {
      if (page.pins === 0 && !page.isTouched) this.remove(page)
      else page.isTouched = false
    }
    clearTimeout(this.timer)
    this.timer = this.pages.length === 0 ? undefined : setTimeout(() => this.sweep(), IDLE_MS).unref()
  }

  /** Lets pages go until the bound is kept, but for this one and those that are not on the disk yet. */
  private evict(newest: Page): void {
    // Twice around: the first time, pages that were touched are let off.
    for (let steps = 2 * this.pages.length; this.bytes > this.limitBytes && steps > 0; steps--) {
      if (this.hand >= this.pages.length) this.hand = 0
      const page = this.pages[this.hand]
      if (page === newest || page.pins > 0 || page.isTouched) {
        page.isTouched = false
        this.hand++
      } else this.remove(page)
    }
  }
}
