// Writes one shard's region of the shared index. Only its owner calls this.
//
// Order of writes. Readers take no lock and may be reading at any instant, on another core, and the owner may die
// between any two writes. So:
//   1. a new record is filled in while nothing points to it;
//   2. it becomes reachable, or unreachable, by ONE word: an edge slot, a child or list pointer, a count;
//   3. SEQUENCE goes up by one after removals (settle), with a full barrier;
//   4. memory is used again only after the removal that freed it has been counted.
// Each state between two writes is a valid trie. A reader that strayed into memory that was freed and reused meanwhile
// notices that SEQUENCE changed, and reads again (reader.ts).

import assert from 'node:assert/strict'
import { REGION_BYTES, REGION_BYTES_MAX } from '../base/constants.ts'
import { hashBytes } from '../memory/block.ts'
import type { Generations } from './generations.ts'
import {
  DOT_BYTE,
  Edges,
  edgeHash,
  HEADER_WORDS,
  Header,
  Node,
  Queue,
  REST_BYTE,
  STAR_BYTE,
  TOMBSTONE,
} from './layout.ts'

const WORD_BYTES = 4
/** Records come in multiples of this many words; freed ones wait in a list for their size. */
const RECORD_WORDS = 4
const FIRST_EDGE_SLOTS = 1024

/** Memory for a region. Address space for its growth is reserved, not used. */
export function createRegion(maxBytes: number = REGION_BYTES_MAX): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.min(REGION_BYTES, maxBytes), { maxByteLength: maxBytes })
}

export class InterestWriter {
  private readonly region: SharedArrayBuffer
  private readonly generations: Generations
  private readonly seed: number
  private words: Int32Array
  private bytes: Uint8Array
  /** First word never used yet. */
  private top: number
  /** Freed records by size in RECORD_WORDS. */
  private readonly freeLists: number[][] = []
  private usedSlots = 0
  private tombstones = 0
  /** Something was removed that SEQUENCE does not count yet. */
  private unsettled = false
  /** Path of the current filter as bytes; reused. */
  private path: Buffer = Buffer.alloc(256)

  constructor(region: SharedArrayBuffer, generations: Generations, seed: number) {
    this.region = region
    this.generations = generations
    this.seed = seed
    this.words = new Int32Array(region, 0, region.byteLength / WORD_BYTES)
    this.bytes = new Uint8Array(region, 0, region.byteLength)
    this.top = HEADER_WORDS + Node.token
    this.words[Header.seed] = seed
    this.words[Header.root] = HEADER_WORDS
    const edges = this.allocate(Edges.slots + FIRST_EDGE_SLOTS)
    this.words[edges + Edges.mask] = FIRST_EDGE_SLOTS - 1
    Atomics.store(this.words, Header.edges, edges)
    Atomics.store(this.words, Header.capacity, this.words.length)
  }

  /** Bytes of the region in use, freed records included. */
  get usedBytes(): number {
    return this.top * WORD_BYTES
  }

  /**
   * Adds a subscription on a filter; `queue` is empty for a plain one. Byte strings. `isImport`: it is the counterpart
   * of one in another account. In a queue group it counts as `weight` members. Returns the filter's node, to be named
   * in remove(), or 0 if the region is full: then nothing was changed.
   */
  add(account: string, filter: string, queue: string, isImport = false, weight = 1): number {
    if (!this.ensureEdges(countTokens(filter) + 1)) return 0
    let node = this.words[Header.root]
    const end = this.encodePath(account, filter)
    let start = 0
    while (start <= end) {
      // The account is the first token whatever bytes it holds.
      let stop = start === 0 ? account.length : start
      if (start > 0) while (stop < end && this.path[stop] !== DOT_BYTE) stop++
      const child = this.child(node, start, stop, start === 0)
      if (child === 0) return this.undo(node)
      node = child
      start = stop + 1
    }
    // Imports are counted after, and taken out before: no reader misses one that is none.
    if (queue === '') {
      Atomics.add(this.words, node + Node.plain, 1)
      if (isImport) Atomics.add(this.words, node + Node.imports, 1)
    } else if (!this.addMember(node, queue, isImport, weight)) return this.undo(node)
    this.advanceGeneration(account.length + 1, end)
    return node
  }

  /** The region is full: what was made of the path holds nothing, and goes. */
  private undo(node: number): 0 {
    this.prune(node)
    return 0
  }

  /** Takes back what one add() with the same arguments did. */
  remove(node: number, account: string, filter: string, queue: string, isImport = false, weight = 1): void {
    const { words } = this
    if (queue === '') {
      assert(words[node + Node.plain] > 0, 'a filter was removed more often than added')
      if (isImport) Atomics.sub(words, node + Node.imports, 1)
      Atomics.sub(words, node + Node.plain, 1)
    } else this.removeMember(node, queue, isImport, weight)
    this.prune(node)
    this.unsettled = true
    this.advanceGeneration(account.length + 1, this.encodePath(account, filter))
  }

  // ── Nodes ─────────────────────────────────────────────────────────────────────────────────────────────

  private child(parent: number, start: number, stop: number, literal: boolean): number {
    const length = stop - start
    const only = length === 1 && !literal ? this.path[start] : 0
    if (only === STAR_BYTE || only === REST_BYTE) {
      const slot = parent + (only === STAR_BYTE ? Node.star : Node.rest)
      if (this.words[slot] !== 0) return this.words[slot]
      const node = this.makeNode(parent, 0, start, length)
      if (node !== 0) Atomics.store(this.words, slot, node)
      return node
    }
    const hash = edgeHash(parent, hashBytes(this.path, start, stop, this.seed))
    const { words } = this
    const edges = words[Header.edges]
    const mask = words[edges + Edges.mask]
    let reusable = 0
    for (let probe = hash & mask; ; probe = (probe + 1) & mask) {
      const slot = edges + Edges.slots + probe
      const node = words[slot]
      if (node === 0) {
        const made = this.makeNode(parent, hash, start, length)
        if (made === 0) return 0
        if (reusable !== 0) this.tombstones--
        else this.usedSlots++
        // Making it may have grown the region: its words are seen through a new view.
        Atomics.store(this.words, reusable !== 0 ? reusable : slot, made)
        return made
      }
      if (node === TOMBSTONE) {
        if (reusable === 0) reusable = slot
      } else if (words[node + Node.hash] === hash && this.isEdge(node, parent, start, length)) return node
    }
  }

  private isEdge(node: number, parent: number, start: number, length: number): boolean {
    const { words, bytes, path } = this
    if (words[node + Node.parent] !== parent || words[node + Node.tokenBytes] !== length) return false
    const at = (node + Node.token) * WORD_BYTES
    for (let i = 0; i < length; i++) if (bytes[at + i] !== path[start + i]) return false
    return true
  }

  private makeNode(parent: number, hash: number, start: number, length: number): number {
    const node = this.allocate(Node.token + wordsFor(length))
    if (node === 0) return 0
    const { words } = this
    words[node + Node.parent] = parent
    words[node + Node.hash] = hash
    words[node + Node.tokenBytes] = length
    words.fill(0, node + Node.plain, node + Node.token)
    this.bytes.set(this.path.subarray(start, start + length), (node + Node.token) * WORD_BYTES)
    words[parent + Node.children]++
    return node
  }

  /** Removes a node that holds nothing any more, and then its parents likewise. */
  private prune(node: number): void {
    const { words } = this
    while (
      node !== words[Header.root] &&
      words[node + Node.plain] === 0 &&
      words[node + Node.queues] === 0 &&
      words[node + Node.children] === 0
    ) {
      const parent = words[node + Node.parent]
      if (words[parent + Node.star] === node) Atomics.store(words, parent + Node.star, 0)
      else if (words[parent + Node.rest] === node) Atomics.store(words, parent + Node.rest, 0)
      else this.unlinkEdge(node)
      words[parent + Node.children]--
      this.release(node, Node.token + wordsFor(words[node + Node.tokenBytes]))
      node = parent
    }
  }

  private unlinkEdge(node: number): void {
    const { words } = this
    const edges = words[Header.edges]
    const mask = words[edges + Edges.mask]
    let probe = words[node + Node.hash] & mask
    while (words[edges + Edges.slots + probe] !== node) probe = (probe + 1) & mask
    if (words[edges + Edges.slots + ((probe + 1) & mask)] !== 0) {
      // Other probes lead over this slot.
      Atomics.store(words, edges + Edges.slots + probe, TOMBSTONE)
      this.tombstones++
      return
    }
    // No probe goes on behind it, so it may become empty, and so may tombstones in front of it.
    Atomics.store(words, edges + Edges.slots + probe, 0)
    this.usedSlots--
    for (probe = (probe - 1) & mask; words[edges + Edges.slots + probe] === TOMBSTONE; probe = (probe - 1) & mask) {
      Atomics.store(words, edges + Edges.slots + probe, 0)
      this.usedSlots--
      this.tombstones--
    }
  }

  // ── Queue groups ──────────────────────────────────────────────────────────────────────────────────────

  private addMember(node: number, queue: string, isImport: boolean, weight: number): boolean {
    const found = this.findQueue(node, queue)
    if (found !== 0) {
      Atomics.add(this.words, found + Queue.members, weight)
      if (isImport) Atomics.add(this.words, found + Queue.imports, weight)
      return true
    }
    const entry = this.allocate(Queue.name + wordsFor(queue.length))
    if (entry === 0) return false
    const { words } = this
    words[entry + Queue.next] = words[node + Node.queues]
    words[entry + Queue.members] = weight
    words[entry + Queue.imports] = isImport ? weight : 0
    words[entry + Queue.nameBytes] = queue.length
    const at = (entry + Queue.name) * WORD_BYTES
    for (let i = 0; i < queue.length; i++) this.bytes[at + i] = queue.charCodeAt(i)
    Atomics.store(words, node + Node.queues, entry)
    return true
  }

  private removeMember(node: number, queue: string, isImport: boolean, weight: number): void {
    const { words } = this
    const entry = this.findQueue(node, queue)
    assert(entry !== 0, 'a queue group was removed more often than added')
    if (isImport) Atomics.sub(words, entry + Queue.imports, weight)
    if (Atomics.sub(words, entry + Queue.members, weight) > weight) return
    let link = node + Node.queues
    while (words[link] !== entry) link = words[link] + Queue.next
    Atomics.store(words, link, words[entry + Queue.next])
    this.release(entry, Queue.name + wordsFor(queue.length))
  }

  private findQueue(node: number, queue: string): number {
    const { words, bytes } = this
    let entry = words[node + Node.queues]
    for (; entry !== 0; entry = words[entry + Queue.next]) {
      if (words[entry + Queue.nameBytes] !== queue.length) continue
      const at = (entry + Queue.name) * WORD_BYTES
      let i = 0
      while (i < queue.length && bytes[at + i] === queue.charCodeAt(i)) i++
      if (i === queue.length) break
    }
    return entry
  }

  // ── Publication ───────────────────────────────────────────────────────────────────────────────────────

  private advanceGeneration(start: number, end: number): void {
    this.generations.advance(this.generations.bucketOf(this.path, start, end))
  }

  /**
   * Counts the removals so far; called once for removals that belong together, and before memory is reused. The store
   * is a release: a reader of the new count sees the removals. The load behind it keeps later plain writes (into memory
   * that was freed) from becoming visible before the new count.
   */
  settle(): void {
    if (!this.unsettled) return
    this.unsettled = false
    Atomics.store(this.words, Header.sequence, this.words[Header.sequence] + 1)
    Atomics.load(this.words, Header.sequence)
  }

  // ── Memory ────────────────────────────────────────────────────────────────────────────────────────────

  private encodePath(account: string, filter: string): number {
    const end = account.length + 1 + filter.length
    if (this.path.length < end) this.path = Buffer.alloc(end * 2)
    this.path.write(account, 0, 'latin1')
    this.path[account.length] = DOT_BYTE
    this.path.write(filter, account.length + 1, 'latin1')
    return end
  }

  /** A record of so many words: a freed one of that size, or new memory; 0 if the region is full. May grow it. */
  private allocate(words: number): number {
    const units = Math.ceil(words / RECORD_WORDS)
    const free = this.freeLists[units]
    if (free !== undefined && free.length > 0) {
      this.settle()
      return free.pop() as number
    }
    if (!this.ensure(units * RECORD_WORDS)) return 0
    const at = this.top
    this.top += units * RECORD_WORDS
    return at
  }

  private release(at: number, words: number): void {
    this.unsettled = true
    const units = Math.ceil(words / RECORD_WORDS)
    const free = this.freeLists[units]
    if (free === undefined) this.freeLists[units] = [at]
    else free.push(at)
  }

  /** Makes room for `words` more, growing the region if need be; false if it may not grow that far. */
  private ensure(words: number): boolean {
    const needBytes = (this.top + words) * WORD_BYTES
    if (needBytes <= this.bytes.length) return true
    const max = this.region.maxByteLength
    if (needBytes > max) return false
    let size = this.bytes.length
    while (size < needBytes) size *= 2
    size = Math.min(size, max)
    this.region.grow(size)
    // Fixed-length views: views that follow the buffer's length are slower to index.
    this.words = new Int32Array(this.region, 0, size / WORD_BYTES)
    this.bytes = new Uint8Array(this.region, 0, size)
    // Before any offset beyond the old size is published.
    Atomics.store(this.words, Header.capacity, this.words.length)
    return true
  }

  /**
   * Keeps the edge table at most two thirds full. A larger one is built aside and becomes current by one word. Where
   * there is no memory for it, the old one is filled further. Returns false if it cannot take so many.
   */
  private ensureEdges(more: number): boolean {
    const old = this.words[Header.edges]
    const oldSlots = this.words[old + Edges.mask] + 1
    if ((this.usedSlots + more) * 3 <= oldSlots * 2) return true
    const live = this.usedSlots - this.tombstones
    let slots = FIRST_EDGE_SLOTS
    while ((live + more) * 2 > slots) slots *= 2
    const made = this.allocate(Edges.slots + slots)
    if (made === 0) return (this.usedSlots + more) * 8 <= oldSlots * 7
    const { words } = this
    words[made + Edges.mask] = slots - 1
    words.fill(0, made + Edges.slots, made + Edges.slots + slots)
    for (let i = 0; i < oldSlots; i++) {
      const node = words[old + Edges.slots + i]
      if (node === 0 || node === TOMBSTONE) continue
      let probe = words[node + Node.hash] & (slots - 1)
      while (words[made + Edges.slots + probe] !== 0) probe = (probe + 1) & (slots - 1)
      words[made + Edges.slots + probe] = node
    }
    this.usedSlots = live
    this.tombstones = 0
    Atomics.store(words, Header.edges, made)
    this.release(old, Edges.slots + oldSlots)
    return true
  }
}

function wordsFor(bytes: number): number {
  return Math.ceil(bytes / WORD_BYTES)
}

function countTokens(filter: string): number {
  let tokens = 1
  for (let i = 0; i < filter.length; i++) if (filter.charCodeAt(i) === DOT_BYTE) tokens++
  return tokens
}
