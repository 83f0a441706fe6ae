// A fan-out: consecutive messages to the same receivers, encoded once for all. What differs from receiver to receiver
// is the sid: all whose sids have as many digits share one page, in which the places of the sids are known. When the
// fan-out ends, a page is written to one socket after the other, each time with the sid of that receiver put in.
//
//     page   MSG orders.1 17 5␍␊hello␍␊MSG orders.2 17 3␍␊bye␍␊ …      to sid 17, then with 18 in both places to sid 18
//                         ▲                         ▲
//                      places[0]                 places[1]
//
// What the kernel has taken may be overwritten. What it has not taken belongs to that receiver's output from then on,
// and the next ones get a copy.
//
// Messages for other subscriptions of the same receivers, as of wildcards that overlap, join it as another part.
//
// A fan-out ends when other receivers are to have a message, when a page is full, when anything else is queued for one
// of its receivers (Outbound.fanOut), before any operation but a publish, and at the end of the turn. So each receiver
// has everything in order. Its counters advance when the fan-out ends.

import {
  BLOCK_SLACK,
  BY_REFERENCE_MIN,
  CHUNK_BYTES,
  FAN_OUT_BYTES_MAX,
  SHARE_MIN,
  WRITES_A_TURN,
} from '../base/constants.ts'
import { type Block, copyBytes } from '../memory/block.ts'
import type { Chunk, ChunkPool } from '../memory/chunk-pool.ts'
import { type Outbound, PUT_WHOLE_MIN } from '../net/outbound.ts'
import type { Run } from '../protocol/run.ts'
import { type Audience, type Bundle, PLACES, type Version } from './audience.ts'
import { mayHold, type Publisher } from './publisher.ts'
import type { SharedChunk } from './shared-chunk.ts'

/** As many receivers of the same bytes share one copy. */
const SHARERS_MIN = 4
/** No receiver has less room than this: then one message makes a page. */
const ROOM_MIN = 4096
/** Pages that are kept for their next use. */
const SPARE_PAGES = 16

/** What a fan-out needs of its shard. */
export interface FanOutOwner {
  readonly pool: ChunkPool
  readonly nowMs: number
  readonly options: { readonly trace: boolean; readonly noFastProducerStall: boolean }
  /** Asks for the end of the turn. */
  schedule(): void
}

/** Consecutive messages in a page for the same subscriptions. */
interface Part {
  readonly version: Version
  messages: number
  /** Bytes of payloads, with the headers that this version has. */
  payload: number
  /** Where its last place ends in Page.places. */
  end: number
}

/** The messages of a fan-out as one version of its audiences reads them. */
class Page {
  chunk: Chunk
  used = 0
  /** Where sids stand: of each message as many as a member has. */
  readonly places = new Int32Array(PLACES)
  placed = 0
  readonly parts: Part[] = []

  constructor(chunk: Chunk) {
    this.chunk = chunk
  }

  begin(chunk: Chunk): void {
    this.chunk = chunk
    this.used = 0
    this.placed = 0
    this.parts.length = 0
  }

  /** What comes is for these. */
  beginPart(version: Version): void {
    this.parts.push({ version, messages: 0, payload: 0, end: this.placed })
  }

  get part(): Part {
    return this.parts[this.parts.length - 1]
  }

  /** Puts in the sids of the bundle at this place, which are as long as those of the first. */
  turnTo(bundle: number): void {
    const { bytes } = this.chunk.block
    const { places } = this
    let at = 0
    for (const { version, end } of this.parts) {
      const { sids } = version.bundles[bundle]
      for (; at < end; at += sids.length) {
        for (let s = 0; s < sids.length; s++) {
          const sid = sids[s]
          const place = places[at + s]
          for (let digit = 0; digit < sid.length; digit++) bytes[place + digit] = sid.charCodeAt(digit)
        }
      }
    }
  }
}

export class FanOut {
  private readonly owner: FanOutOwner
  private readonly shared: SharedChunk
  /** Whose messages it has; undefined: it is not open. */
  private audience: Audience | undefined
  private pages: Page[] = []
  private readonly spare: Page[] = []
  /** Bytes that a page may have. */
  private room = 0
  /** Receivers that have fallen behind. */
  private behind: Outbound[] = []

  constructor(owner: FanOutOwner, shared: SharedChunk) {
    this.owner = owner
    this.shared = shared
  }

  /**
   * Takes in messages of a run, for all receivers of the plan's audience. Returns how many, from the first on; the
   * others have to be delivered one receiver after the other.
   */
  take(run: Run, audience: Audience, publisher: Publisher): number {
    const { count } = run
    // A large message in a chunk of its own is not copied at all.
    if ((run.chunk !== undefined && run.size >= BY_REFERENCE_MIN) || this.owner.options.trace) return 0
    if (audience.isDeaf(publisher.id)) {
      this.end()
      return 0
    }
    if (this.audience !== audience && !this.turnTo(audience)) return 0
    let taken = this.write(run, 0)
    while (taken < count) {
      this.end(true)
      // A receiver may have been closed, as it could not take so much.
      if (!this.open(audience)) return taken
      taken += this.write(run, taken)
    }
    if (this.behind.length > 0 && mayHold(publisher, this.owner.options)) {
      for (const outbound of this.behind) publisher.holdFor(outbound)
    }
    return taken
  }

  /** Opens a fan-out for an audience, unless the open one has the same connections. Returns whether there is one. */
  private turnTo(audience: Audience): boolean {
    if (this.audience === undefined || audience.isParticular || audience.crowd !== this.audience.crowd) {
      this.end()
      return this.open(audience)
    }
    this.audience = audience
    for (let v = 0; v < this.pages.length; v++) this.pages[v].beginPart(audience.versions[v])
    return true
  }

  /** Opens a fan-out. Returns whether it did: not if receivers have to be looked at one by one. */
  private open(audience: Audience): boolean {
    if (audience.isParticular) return false
    const { owner, behind } = this
    let room = Math.min(CHUNK_BYTES - BLOCK_SLACK, Math.max(ROOM_MIN, FAN_OUT_BYTES_MAX / audience.connections))
    behind.length = 0
    for (const { bundles } of audience.versions) {
      for (const { members } of bundles) {
        for (const { receiver, subscriptions } of members) {
          const { outbound } = receiver
          if (receiver.closing || outbound.dropsMessages || !areListed(subscriptions)) {
            this.audience = undefined
            letGo(audience)
            return false
          }
          outbound.fanOut = this
          room = Math.min(room, Math.max(ROOM_MIN, outbound.room))
          if (outbound.isBehind) behind.push(outbound)
        }
      }
    }
    this.audience = audience
    this.room = room
    for (const version of audience.versions) {
      const chunk = owner.pool.acquire(room)
      const page = this.spare.pop() ?? new Page(chunk)
      page.begin(chunk)
      page.beginPart(version)
      this.pages.push(page)
    }
    owner.schedule()
    return true
  }

  /** Writes messages of a run from `from` on, as many as fit, to all pages; returns how many. */
  private write(run: Run, from: number): number {
    const fit = this.fitting(run, run.count - from)
    if (fit === 0) return 0
    for (const page of this.pages) writeTo(page, run, from, fit)
    return fit
  }

  /** How many messages of a run there is room for in all pages; in an empty one for one at least. */
  private fitting(run: Run, most: number): number {
    let fit = most
    for (const page of this.pages) {
      const { used, placed } = page
      const { version } = page.part
      const { sids } = version.bundles[0]
      let bytes = 0
      for (const sid of sids) bytes += lengthOf(version, run, sid)
      const room = Math.floor(Math.max(0, this.room - used) / bytes)
      const { length } = sids
      fit = Math.min(fit, room, Math.floor((PLACES - placed) / length))
      if (fit > 0 || used > 0) continue
      // It is larger than all that its receivers should have, or than a page.
      if (page.chunk.block.capacity < bytes) {
        page.chunk.release()
        page.chunk = this.owner.pool.acquire(bytes)
      }
      fit = 1
    }
    return fit
  }

  /**
   * Ends the fan-out, if one is open: its messages are output of their receivers from here on. `isFull`: it has so many
   * that they are written at once.
   */
  end(isFull = false): void {
    const { audience, pages } = this
    if (audience === undefined) return
    this.audience = undefined
    this.pages = []
    letGo(audience)
    const isWritten = audience.connections <= WRITES_A_TURN
    for (const page of pages) {
      this.deliver(page, isWritten && (isFull || page.used >= PUT_WHOLE_MIN))
      page.chunk.release()
      if (this.spare.length < SPARE_PAGES) this.spare.push(page)
    }
  }

  /** The same at the end of a turn, with the loop's next turn far away. Returns whether there was one. */
  endTurn(): boolean {
    const isOpen = this.audience !== undefined
    this.end(true)
    return isOpen
  }

  private deliver(page: Page, now: boolean): void {
    const { bundles } = page.part.version
    let isKept = false
    for (let b = 0; b < bundles.length; b++) {
      const { members } = bundles[b]
      if (b > 0) {
        if (isKept) {
          isKept = false
          this.replaceChunk(page)
        }
        page.turnTo(b)
      }
      this.count(page, b)
      if (!now && page.used < PUT_WHOLE_MIN && page.used >= SHARE_MIN && members.length >= SHARERS_MIN) {
        this.share(page, bundles[b])
        continue
      }
      for (const { receiver } of members) {
        if (!receiver.outbound.put(page.chunk, page.used, now)) isKept = true
      }
    }
  }

  /** A receiver has the chunk in its output: the next ones get another, with the same bytes. */
  private replaceChunk(page: Page): void {
    const { chunk, used } = page
    page.chunk = this.owner.pool.acquire(used)
    copyBytes(page.chunk.block, 0, chunk.block, 0, used)
    chunk.release()
  }

  /** One copy for all receivers of a bundle, in a chunk that others use as well. */
  private share(page: Page, { members }: Bundle): void {
    const { shared } = this
    const chunk = shared.withRoom(page.used)
    const start = shared.used
    copyBytes(chunk.block, start, page.chunk.block, 0, page.used)
    shared.used += page.used
    for (const { receiver } of members) receiver.outbound.share(chunk, start, shared.used)
  }

  private count({ parts }: Page, bundle: number): void {
    const { nowMs } = this.owner
    for (const { version, messages, payload } of parts) {
      const { members, sids } = version.bundles[bundle]
      const bytes = payload * sids.length
      for (const { receiver, subscriptions } of members) {
        for (const { origin } of subscriptions) origin.delivered += messages
        receiver.outMessages += messages * sids.length
        receiver.outBytes += bytes
        receiver.lastActivityMs = nowMs
      }
    }
  }
}

function letGo({ versions }: Audience): void {
  for (const { bundles } of versions) {
    for (const { members } of bundles) for (const { receiver } of members) receiver.outbound.fanOut = undefined
  }
}

function areListed(subscriptions: readonly { readonly node: number }[]): boolean {
  for (const { node } of subscriptions) if (node === 0) return false
  return true
}

/** Makes the dialect ready for a run; returns the bytes of one message with this sid. */
function lengthOf({ dialect, headers }: Version, run: Run, sid: string): number {
  const withHeader = headers && run.headerSize > 0
  dialect.begin(run, '', sid, withHeader)
  return dialect.length + run.size - (withHeader ? 0 : run.headerSize) + 2
}

function writeTo(page: Page, run: Run, from: number, count: number): void {
  const { part } = page
  const { dialect, headers, bundles } = part.version
  const { block } = page.chunk
  const [{ sids }] = bundles
  part.messages += count
  part.payload += (headers ? run.size : run.size - run.headerSize) * count
  if (sids.length === 1) {
    const bytes = lengthOf(part.version, run, sids[0])
    const at = page.used
    page.used = dialect.write(block, at, run, from, count)
    for (let i = 0; i < count; i++) page.places[page.placed++] = at + i * bytes + dialect.sidAt
  } else for (let i = from; i < from + count; i++) for (const sid of sids) writeOne(page, block, run, sid, i)
  part.end = page.placed
}

function writeOne(page: Page, block: Block, run: Run, sid: string, index: number): void {
  const { version } = page.part
  lengthOf(version, run, sid)
  page.places[page.placed++] = page.used + version.dialect.sidAt
  page.used = version.dialect.write(block, page.used, run, index, 1)
}
