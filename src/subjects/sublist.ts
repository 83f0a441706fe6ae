// A shard's own subscriptions, by filter.
//
// There is one trie, not two: the shard's region of the shared index says which filters match a subject, and this
// list says, for each node of that trie, whose subscriptions stand there.
//
//     region (shared memory)            here
//     root ─ $G ─ orders ─ *  (node 84)   84 → plain: [client 3 sid 1, client 9 sid 1]
//                                              queues: workers → [client 4 sid 7]

import type { Client } from '../client.ts'
import { type AccountKey, InterestReader } from '../interest/reader.ts'
import type { InterestWriter } from '../interest/writer.ts'

export class Subscription {
  readonly client: Client
  /** Filter, queue group (empty: none) and sid: byte strings. */
  readonly subject: string
  readonly queue: string
  readonly sid: string
  /** Messages delivered since SUB. */
  delivered = 0
  /** Deliveries after which it ends by itself; 0 = never. */
  max = 0
  /** Its node in the region, and its place in that node's list; node 0 = not listed. */
  node = 0
  place = 0

  constructor(client: Client, subject: string, queue: string, sid: string) {
    this.client = client
    this.subject = subject
    this.queue = queue
    this.sid = sid
  }
}

interface NodeSubscriptions {
  plain: Subscription[]
  queues: Map<string, Subscription[]> | undefined
}

export class Sublist {
  private readonly writer: InterestWriter
  private readonly reader: InterestReader
  private readonly nodes = new Map<number, NodeSubscriptions>()
  count = 0
  inserts = 0
  removes = 0

  constructor(region: SharedArrayBuffer, writer: InterestWriter) {
    this.writer = writer
    this.reader = new InterestReader(region)
  }

  /** Adds a subscription here and to the shared index. Answers false, and does nothing, if the index is full. */
  insert(account: AccountKey, subscription: Subscription): boolean {
    const { subject, queue } = subscription
    const node = this.writer.add(account.name, subject, queue)
    if (node === 0) return false
    let here = this.nodes.get(node)
    if (here === undefined) {
      here = { plain: [], queues: undefined }
      this.nodes.set(node, here)
    }
    let list = here.plain
    if (queue !== '') {
      here.queues ??= new Map()
      list = here.queues.get(queue) ?? []
      if (list.length === 0) here.queues.set(queue, list)
    }
    subscription.node = node
    subscription.place = list.length
    list.push(subscription)
    this.count++
    this.inserts++
    return true
  }

  /** Removes a subscription; one that is not listed any more is left alone. */
  remove(account: AccountKey, subscription: Subscription): void {
    this.takeOut(account, subscription)
    this.writer.settle()
  }

  /** Removes all subscriptions of a client, without disturbing those who read the index for each of them. */
  removeAll(account: AccountKey, subscriptions: Iterable<Subscription>): void {
    for (const subscription of subscriptions) this.takeOut(account, subscription)
    this.writer.settle()
  }

  private takeOut(account: AccountKey, subscription: Subscription): void {
    const { node, place, queue } = subscription
    if (node === 0) return
    subscription.node = 0
    const here = this.nodes.get(node) as NodeSubscriptions
    const list = queue === '' ? here.plain : (here.queues?.get(queue) as Subscription[])
    const last = list.pop() as Subscription
    if (last !== subscription) {
      list[place] = last
      last.place = place
    }
    if (list.length === 0 && queue !== '') {
      here.queues?.delete(queue)
      if (here.queues?.size === 0) here.queues = undefined
    }
    if (here.plain.length === 0 && here.queues === undefined) this.nodes.delete(node)
    this.writer.remove(node, account.name, subscription.subject, queue)
    this.count--
    this.removes++
  }

  /** Calls `plain` for each plain subscription on a matching filter, `queue` for each matching group's members. */
  match(
    account: AccountKey,
    subject: Uint8Array,
    start: number,
    end: number,
    plain: (subscription: Subscription) => void,
    queue: (name: string, members: readonly Subscription[]) => void,
  ): void {
    for (const node of this.reader.matchNodes(account, subject, start, end)) {
      const here = this.nodes.get(node)
      if (here === undefined) continue
      for (const subscription of here.plain) plain(subscription)
      if (here.queues !== undefined) for (const [name, members] of here.queues) queue(name, members)
    }
  }
}
