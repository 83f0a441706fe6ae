// A shard's own subscriptions, by filter.
//
// There is one trie, not two: the shard's region of the shared index has the filters that match a subject, and this
// list has, for each node of that trie, its subscriptions.
//
//     region (shared memory)            here
//     root ─ $G ─ orders ─ *  (node 84)   84 → plain: [client 3 sid 1, client 9 sid 1]
//                                              queues: workers → [client 4 sid 7]

import { attempt, type OnBug } from '../base/guarded.ts'
import { type Turns, Work } from '../base/turns.ts'
import { type AccountKey, InterestReader } from '../interest/reader.ts'
import type { InterestWriter } from '../interest/writer.ts'
import { NumberMap } from '../memory/number-map.ts'
import { type Entry, ImportedSubscription, Subscription } from './subscription.ts'

/** Told of each entry that comes or goes, and when those that belong together are through. */
export interface SublistWatcher {
  changed(entry: Entry, isThere: boolean): void
  settled(): void
}

/** Entries that are removed together: readers of the index are disturbed once for all of them. */
const REMOVED_TOGETHER = 32

/** The owner of the turns in which entries are removed, and of the report of a bug. */
interface RemovalTurns {
  readonly turns: Turns
  readonly bugMet: OnBug
}

interface NodeEntries {
  plain: Entry[] | undefined
  queues: Map<string, Entry[]> | undefined
}

export class Sublist {
  private readonly writer: InterestWriter
  private readonly reader: InterestReader
  private readonly nodes = new NumberMap<NodeEntries>()
  /** Undefined: nobody wants to know. */
  watcher: SublistWatcher | undefined
  count = 0
  inserts = 0
  removes = 0

  constructor(region: SharedArrayBuffer, writer: InterestWriter) {
    this.writer = writer
    this.reader = new InterestReader(region)
  }

  /**
   * Adds an entry here and to the shared index, and a subscription to the accounts that its own imports from. Returns
   * false, and does nothing, if the index is full.
   */
  insert(entry: Entry): boolean {
    const isIn = this.enter(entry)
    if (isIn) this.watcher?.settled()
    return isIn
  }

  /** Adds an entry in the place of another. At no moment is there none, and who watches is told of both together. */
  replace(before: Entry, entry: Entry): boolean {
    const isIn = this.enter(entry)
    if (isIn) this.remove(before)
    return isIn
  }

  private enter(entry: Entry): boolean {
    if (!this.putIn(entry)) return false
    if (!(entry instanceof Subscription) || this.putInExporters(entry)) return true
    this.remove(entry)
    return false
  }

  /**
   * A subscription's account has other imports than before: its counterparts in other accounts are made again. Returns
   * false if the index is full, so that not all of it could be.
   */
  reimport(entry: Subscription): boolean {
    const before = entry.imported ?? []
    entry.imported = undefined
    const isDone = this.putInExporters(entry)
    this.removeAll(before)
    return isDone
  }

  private putInExporters(entry: Subscription): boolean {
    // A leaf node imports what its account imports.
    const { base } = entry.account
    const ofLeaf = base !== undefined && entry.account === base.leafs
    for (const via of (ofLeaf ? base : entry.account).streamImports) {
      const filter = via.filterThere(entry.subject)
      if (filter === undefined) continue
      const imported = new ImportedSubscription(entry, via, filter, ofLeaf ? via.exporter.leafs : via.exporter)
      if (!this.putIn(imported)) return false
      entry.imported ??= []
      entry.imported.push(imported)
    }
    return true
  }

  private putIn(entry: Entry): boolean {
    const { account, subject, queue, weight } = entry
    const node = this.writer.add(account.name, subject, queue, entry instanceof ImportedSubscription, weight)
    if (node === 0) return false
    let here = this.nodes.get(node)
    if (here === undefined) {
      here = { plain: undefined, queues: undefined }
      this.nodes.set(node, here)
    }
    const list = queue === '' ? here.plain : here.queues?.get(queue)
    entry.node = node
    entry.place = list?.length ?? 0
    // Most are alone, and get an array for one: an empty one that grows would have room for 17.
    if (list !== undefined) list.push(entry)
    else if (queue === '') here.plain = [entry]
    else {
      here.queues ??= new Map()
      here.queues.set(queue, [entry])
    }
    this.count++
    this.inserts++
    account.counters.inserts++
    this.watcher?.changed(entry, true)
    return true
  }

  /** Removes an entry; one that is not listed any more is left alone. */
  remove(entry: Entry): void {
    this.removeAll([entry])
  }

  /** Whether there is an entry under exactly this subject, without a wildcard. */
  hasExact(account: AccountKey, subject: Uint8Array): boolean {
    return this.reader.hasExact(account, subject)
  }

  /** Removes many entries without disturbing readers of the index for each of them. */
  removeAll(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      this.takeOut(entry)
      if (!(entry instanceof Subscription) || entry.imported === undefined) continue
      for (const imported of entry.imported) this.takeOut(imported)
      entry.imported = undefined
    }
    this.writer.settle()
    this.watcher?.settled()
  }

  /** The same in as many turns as it takes; then calls `done`. */
  removeInPieces(entries: Iterable<Entry>, { turns, bugMet }: RemovalTurns, done?: () => void): void {
    const remove = (group: readonly Entry[]): void => attempt(bugMet, () => this.removeAll(group))
    turns.inPieces(groupsOf(entries, REMOVED_TOGETHER), REMOVED_TOGETHER * Work.removal, remove, done)
  }

  private takeOut(entry: Entry): void {
    const { account, node, place, subject, queue, weight } = entry
    if (node <= 0) return
    entry.node = 0
    const here = this.nodes.get(node) as NodeEntries
    const list = (queue === '' ? here.plain : here.queues?.get(queue)) as Entry[]
    const last = list.pop() as Entry
    if (last !== entry) {
      list[place] = last
      last.place = place
    }
    if (list.length === 0) {
      if (queue === '') here.plain = undefined
      else here.queues?.delete(queue)
      if (here.queues?.size === 0) here.queues = undefined
    }
    if (here.plain === undefined && here.queues === undefined) this.nodes.delete(node)
    this.writer.remove(node, account.name, subject, queue, entry instanceof ImportedSubscription, weight)
    this.count--
    this.removes++
    account.counters.removes++
    this.watcher?.changed(entry, false)
  }

  /** Of the latest match(): where the subject begins to be free, as in InterestReader. */
  get freeFrom(): number {
    return this.reader.freeFrom
  }

  /** Whether an entry has no other of its queue group beside it, on the same filter. */
  isAlone({ node, queue }: Entry): boolean {
    return this.nodes.get(node)?.queues?.get(queue)?.length === 1
  }

  /**
   * Calls `plain` for each plain entry on a matching filter, `queue` for each matching group's members. Returns what
   * that cost, in units of work.
   */
  match(
    account: AccountKey,
    subject: Uint8Array,
    start: number,
    end: number,
    plain: (entry: Entry) => void,
    queue: (name: string, members: readonly Entry[]) => void,
  ): number {
    let found = 0
    for (const node of this.reader.matchNodes(account, subject, start, end)) {
      const here = this.nodes.get(node)
      if (here === undefined) continue
      if (here.plain !== undefined) {
        found += here.plain.length
        for (const entry of here.plain) plain(entry)
      }
      if (here.queues === undefined) continue
      for (const [name, members] of here.queues) {
        found += members.length
        queue(name, members)
      }
    }
    return this.reader.stepsTaken * Work.step + found * Work.match
  }
}

function* groupsOf<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = []
  for (const item of items) {
    if (group.push(item) < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
