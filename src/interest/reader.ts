// Reads a region of the shared index: which filters match a subject. Any shard, at any time, without a lock.
//
// A read is valid if SEQUENCE did not change during it. If it changed, the read may have seen reused memory, so the
// whole read is repeated, a bounded number of times. Additions do not change it: a filter added during a read may be
// found or not, and both are right. Until a read is known to be valid, no offset found in the region is trusted: the
// walk has a step limit, and words outside the view read as undefined, which ends the walk.

import { QUEUE_NAME_MAX, REGION_READ_STEPS } from '../base/constants.ts'
import { hashBytes } from '../memory/block.ts'
import { DOT_BYTE, Edges, edgeHash, Header, Node, Queue, TOMBSTONE } from './layout.ts'

const WORD_BYTES = 4

/** An account's name as the bytes that begin its paths. */
export interface AccountKey {
  readonly name: string
  readonly bytes: Uint8Array
}

export function accountKey(name: string): AccountKey {
  return Object.freeze({ name, bytes: new Uint8Array(Buffer.from(name, 'latin1')) })
}

/** What a shard wants of a subject. */
export interface Interest {
  /** Some plain subscription matches. */
  plain: boolean
  /** Members of each matching queue group, by name (byte string); undefined if there are none. */
  queues: Map<string, number> | undefined
  /** The region would not hold still: this is a guess, not to be kept. */
  guessed?: true
}

export class InterestReader {
  private readonly region: SharedArrayBuffer
  private words: Int32Array
  private bytes: Uint8Array
  /** Nodes of the latest walk. */
  private readonly found: number[] = []
  /** Of the current walk: nodes that are still to be followed, each with the start of its part of the subject. */
  private readonly branches: number[] = []
  private steps = 0
  /** Steps that the latest call took, all its tries together. */
  stepsTaken = 0
  /**
   * Where the latest call's subject begins to be free: what its tokens are from there on is the same to all filters, as
   * long as they are as many.
   */
  freeFrom = 0
  /** The latest walk met an offset outside the view: the region has grown, or the offset was garbage. */
  private torn = false
  private subject: Uint8Array = new Uint8Array(0)
  private end = 0
  /** Only this thread writes it: the store in fence() is there for its ordering alone. */
  private readonly fenceWord = new Int32Array(new SharedArrayBuffer(4))

  constructor(region: SharedArrayBuffer) {
    this.region = region
    this.words = new Int32Array(region, 0, region.byteLength / WORD_BYTES)
    this.bytes = new Uint8Array(region, 0, region.byteLength)
  }

  /** The nodes of all filters that match subject[start, end), in a list that the next call uses again. */
  matchNodes(account: AccountKey, subject: Uint8Array, start: number, end: number): readonly number[] {
    this.found.length = 0
    this.torn = false
    this.freeFrom = start
    if (!hasEmptyToken(subject, start, end)) {
      if (this.words[Header.capacity] !== this.words.length) this.follow()
      this.subject = subject
      this.end = end
      this.steps = this.words.length
      const root = this.literalChild(this.words[Header.root], account.bytes, 0, account.bytes.length)
      if (root > 0) this.walk(root, start)
    } else this.steps = this.words.length
    this.stepsTaken = this.spent
    return this.found
  }

  /**
   * The interest of the region's shard in subject[start, end). If the region keeps changing, the shard is assumed to
   * have plain interest: it matches again by itself, so that a message too many costs time, not correctness; queue
   * groups are assumed to be as they were seen last. A run that `isImported` is not for subscriptions that a stream
   * import has put there.
   */
  read(account: AccountKey, subject: Uint8Array, start: number, end: number, isImported = false): Interest {
    let steps = 0
    let latest: Interest | undefined
    while (steps < REGION_READ_STEPS) {
      // Acquire: everything before this count is visible to the reads below.
      const before = Atomics.load(this.words, Header.sequence)
      const interest = this.collect(this.matchNodes(account, subject, start, end), isImported)
      this.fence()
      steps += 1 + this.spent
      this.stepsTaken = steps
      if (interest === undefined || this.torn) continue
      if (Atomics.load(this.words, Header.sequence) === before) return interest
      latest = interest
    }
    return { plain: true, queues: latest?.queues, guessed: true }
  }

  /** Whether somebody has subscribed to exactly this subject, without a wildcard; a hint, like the next one. */
  hasExact({ bytes }: AccountKey, subject: Uint8Array): boolean {
    if (this.words[Header.capacity] !== this.words.length) this.follow()
    this.steps = this.words.length
    let node = this.literalChild(this.words[Header.root], bytes, 0, bytes.length)
    for (let start = 0; node > 0 && start <= subject.length; ) {
      const dot = subject.indexOf(DOT_BYTE, start)
      const end = dot < 0 ? subject.length : dot
      node = this.literalChild(node, subject, start, end)
      start = end + 1
    }
    return node > 0 && (this.words[node + Node.plain] > 0 || this.words[node + Node.queues] > 0)
  }

  /** Whether an account has any subscription; a hint, because the index may change meanwhile. */
  hasAccount({ bytes }: AccountKey): boolean {
    if (this.words[Header.capacity] !== this.words.length) this.follow()
    this.steps = this.words.length
    return this.literalChild(this.words[Header.root], bytes, 0, bytes.length) > 0
  }

  /** Steps of the latest try. */
  private get spent(): number {
    return this.words.length - this.steps + this.found.length
  }

  /** A sequentially consistent store between plain loads and the load that checks them: it keeps their order. */
  private fence(): void {
    Atomics.store(this.fenceWord, 0, 0)
  }

  /** The region grew: see all of it. */
  private follow(): void {
    const words = Math.min(Atomics.load(this.words, Header.capacity), this.region.byteLength / WORD_BYTES)
    this.words = new Int32Array(this.region, 0, words)
    this.bytes = new Uint8Array(this.region, 0, words * WORD_BYTES)
  }

  private collect(nodes: readonly number[], isImported: boolean): Interest | undefined {
    const { words } = this
    let plain = false
    let queues: Map<string, number> | undefined
    for (const node of nodes) {
      const subscriptions = words[node + Node.plain]
      if (subscriptions === undefined) return undefined
      if (subscriptions > (isImported ? words[node + Node.imports] : 0)) plain = true
      let entry = words[node + Node.queues]
      while (entry > 0) {
        if (this.steps-- <= 0) return undefined
        const at = (entry + Queue.name) * WORD_BYTES
        const name = latin1(this.bytes, at, at + words[entry + Queue.nameBytes])
        if (name === undefined) return undefined
        const members = words[entry + Queue.members] - (isImported ? words[entry + Queue.imports] : 0)
        // The last member may just be leaving.
        if (members > 0) {
          queues ??= new Map()
          queues.set(name, (queues.get(name) ?? 0) + members)
        }
        entry = words[entry + Queue.next]
      }
    }
    return { plain, queues }
  }

  /** Follows literal, `*` and `>` from `node` for the tokens from `start` on. */
  private walk(root: number, from: number): void {
    const { branches } = this
    branches.length = 0
    branches.push(root, from)
    // No recursion: a subject may have as many tokens as a control line has room for.
    while (branches.length > 0) {
      const start = branches.pop() as number
      this.followPath(branches.pop() as number, start)
    }
  }

  /** Follows literal tokens and `>`; where `*` leads on is noted. */
  private followPath(node: number, start: number): void {
    const { words, subject, end } = this
    while (this.steps-- > 0) {
      const rest = words[node + Node.rest]
      if (rest === undefined) this.torn = true
      if (rest > 0) this.found.push(rest)
      let stop = start
      while (stop < end && subject[stop] !== DOT_BYTE) stop++
      const isLast = stop === end
      const star = words[node + Node.star]
      const literals = words[node + Node.children] - (star > 0 ? 1 : 0) - (rest > 0 ? 1 : 0)
      if (literals !== 0 && this.freeFrom <= stop) this.freeFrom = stop + 1
      if (star > 0) {
        if (isLast) this.found.push(star)
        else this.branches.push(star, stop + 1)
      }
      node = this.literalChild(node, subject, start, stop)
      if (!(node > 0)) return
      if (isLast) {
        this.found.push(node)
        return
      }
      start = stop + 1
    }
  }

  private literalChild(parent: number, token: Uint8Array, start: number, stop: number): number {
    const { words, bytes } = this
    const hash = edgeHash(parent, hashBytes(token, start, stop, words[Header.seed]))
    const edges = words[Header.edges]
    const mask = words[edges + Edges.mask]
    const length = stop - start
    if (mask === undefined) this.torn = true
    for (let probe = hash & mask; this.steps > 0; probe = (probe + 1) & mask) {
      const node = words[edges + Edges.slots + probe]
      if (node === 0) return 0
      if (node === undefined) {
        this.torn = true
        return 0
      }
      if (node === TOMBSTONE || words[node + Node.hash] !== hash) {
        this.steps--
        continue
      }
      if (words[node + Node.parent] === parent && words[node + Node.tokenBytes] === length) {
        const at = (node + Node.token) * WORD_BYTES
        let i = 0
        while (i < length && bytes[at + i] === token[start + i]) i++
        if (i === length) return node
      }
      this.steps--
    }
    return 0
  }
}

/** No filter can match a subject with an empty token. */
function hasEmptyToken(subject: Uint8Array, start: number, end: number): boolean {
  let previous = DOT_BYTE
  for (let i = start; i < end; i++) {
    const byte = subject[i]
    if (byte === DOT_BYTE && previous === DOT_BYTE) return true
    previous = byte
  }
  return previous === DOT_BYTE
}

function latin1(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (!(end <= bytes.length) || !(end > start) || end - start > QUEUE_NAME_MAX) return undefined
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i])
  return text
}
