// What a stream answers to publishers. The answer to a message that was stored waits until the message is durable; then
// the answers of all that became durable together go out together. They wait as they will be sent, one behind the other
// in pages: no object is made for one.
//
//     page   │ length │ reply length │ sequence │ reply subject and a blank │ text ␍␊ │ the next one ‥
//              4 bytes  4 bytes        8 bytes

import { allocateBlock, type Block, copyBytes, writeDecimal, writeText } from '../memory/block.ts'
import { Run } from '../protocol/run.ts'
import type { Sender } from './sender.ts'

const PAGE_BYTES = 32 * 1024
const REPLY_AT = 4
const SEQ_AT = 8
const HEAD_BYTES = 16
const SPACE = 0x20
const CRLF = '\r\n'
/** A sequence, the brace behind it, and the end. */
const TAIL_MAX = 32

/** Pages that nothing waits in are kept for all streams of the thread, up to so many. */
const FREE_MAX = 16
const free: Page[] = []

interface Page {
  readonly block: Block
  /** What waits is in [start, end). */
  start: number
  end: number
}

export class Acknowledgements {
  private readonly sender: Sender
  /** Oldest first. */
  private readonly pages: Page[] = []
  /** Of the oldest that waits; Infinity: none does. */
  private oldest = Number.POSITIVE_INFINITY
  private durable = 0
  private isSending = false
  private readonly run = new Run()

  constructor(sender: Sender) {
    this.sender = sender
  }

  /** To be sent when the message is durable. Sequences do not fall. */
  await(seq: number, reply: string, text: string): void {
    const page = this.pageFor(seq, HEAD_BYTES + reply.length + text.length * 3 + TAIL_MAX)
    const { bytes } = page.block
    const textAt = writeText(bytes, page.end + HEAD_BYTES, reply) + 1
    this.end(page, seq, reply.length, textAt + bytes.write(text, textAt))
  }

  /** The same for the reply subject of a run, and the text `opening`, the sequence and a brace. */
  awaitPlain(seq: number, run: Run, opening: Block): void {
    const length = run.replyEnd - run.replyStart
    const page = this.pageFor(seq, HEAD_BYTES + length + opening.capacity + TAIL_MAX)
    const { block } = page
    const { bytes } = block
    let at = page.end + HEAD_BYTES
    copyBytes(block, at, run.line, run.replyStart, length)
    at += length + 1
    copyBytes(block, at, opening, 0, opening.capacity)
    at += opening.capacity
    this.end(page, seq, length, writeText(bytes, writeDecimal(bytes, at, seq), '}'))
  }

  private pageFor(seq: number, bytes: number): Page {
    if (this.oldest > seq) this.oldest = seq
    const last = this.pages.at(-1)
    if (last !== undefined && last.end + bytes <= last.block.capacity) return last
    const kept = bytes <= PAGE_BYTES ? free.pop() : undefined
    const page = kept ?? { block: allocateBlock(Math.max(bytes, PAGE_BYTES)), start: 0, end: 0 }
    this.pages.push(page)
    return page
  }

  /** The text of the one that was begun ends at `at`. */
  private end(page: Page, seq: number, replyLength: number, at: number): void {
    const { bytes, view } = page.block
    const end = writeText(bytes, at, CRLF)
    bytes[page.end + HEAD_BYTES + replyLength] = SPACE
    view.setInt32(page.end, end - page.end, true)
    view.setInt32(page.end + REPLY_AT, replyLength, true)
    view.setFloat64(page.end + SEQ_AT, seq, true)
    page.end = end
  }

  /** Everything up to a sequence is durable. */
  settle(durable: number): void {
    this.durable = durable
    // What is sent may lead back to here, where a stream hears its own answers.
    if (this.oldest > durable || this.isSending) return
    this.isSending = true
    try {
      this.sender.apart(() => {
        while (this.oldest <= this.durable) this.sendOldest()
      })
    } finally {
      this.isSending = false
      this.tidy()
    }
  }

  private sendOldest(): void {
    const { run } = this
    const page = this.oldestPage() as Page
    const { block, start } = page
    const end = start + block.view.getInt32(start, true)
    const line = start + HEAD_BYTES
    const text = line + block.view.getInt32(start + REPLY_AT, true) + 1
    page.start = end
    run.line = block
    run.lineStart = line
    run.lineLength = text - line
    run.subjectStart = line
    run.subjectEnd = text - 1
    run.replyStart = text
    run.replyEnd = text
    run.block = block
    run.first = text
    run.size = end - text - CRLF.length
    run.stride = end - line
    run.count = 1
    run.memo = undefined
    this.sender.answer(run)
    this.oldest = this.first()
  }

  /** The page with what has waited longest; pages before it in which nothing waits are let go. */
  private oldestPage(): Page | undefined {
    const { pages } = this
    while (pages.length > 1 && pages[0].start === pages[0].end) release(pages.shift() as Page)
    return pages[0]
  }

  private first(): number {
    const page = this.oldestPage()
    if (page === undefined || page.start === page.end) return Number.POSITIVE_INFINITY
    return page.block.view.getFloat64(page.start + SEQ_AT, true)
  }

  /** Nothing waits in the last page: it is let go. */
  private tidy(): void {
    const [page] = this.pages
    if (page === undefined || page.start < page.end) return
    this.pages.length = 0
    release(page)
  }

  /** Messages from a sequence on could not be stored. */
  fail(first: number, text: string): void {
    const replies: string[] = []
    for (const page of this.pages) {
      let kept = page.start
      for (let at = page.start; at < page.end; ) {
        const { bytes, view } = page.block
        const isKept = view.getFloat64(at + SEQ_AT, true) < first
        const reply = at + HEAD_BYTES
        if (!isKept) replies.push(bytes.toString('latin1', reply, reply + view.getInt32(at + REPLY_AT, true)))
        at += view.getInt32(at, true)
        if (isKept) kept = at
      }
      page.end = kept
    }
    this.oldest = this.first()
    for (const reply of replies) this.send(reply, text)
  }

  /** At once. */
  send(reply: string, text: string): void {
    this.sender.send(reply, text)
  }
}

function release(page: Page): void {
  if (free.length === FREE_MAX || page.block.capacity > PAGE_BYTES) return
  page.start = 0
  page.end = 0
  free.push(page)
}
