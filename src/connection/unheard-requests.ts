// Requests that went to several other shards, some of which have reported that no subscriber there may receive them. A
// request that none of them delivered is answered with 503. For most requests some shard reports nothing, because it
// delivered them.

/** Requests remembered for one client: of more, the oldest are forgotten. */
const REMEMBERED_MAX = 1_000

export class UnheardRequests {
  /** By reply subject: messages that shards did not deliver, each counted once per shard. */
  private readonly told = new Map<string, number>()

  /**
   * One of `shards` shards has delivered none of so many messages. Returns how many messages all shards have said that
   * of by now, and had not before.
   */
  add(reply: string, messages: number, shards: number): number {
    const before = this.told.get(reply) ?? 0
    const after = before + messages
    this.told.delete(reply)
    if (after % shards > 0) this.told.set(reply, after)
    if (this.told.size > REMEMBERED_MAX) {
      for (const oldest of this.told.keys()) {
        this.told.delete(oldest)
        break
      }
    }
    return Math.floor(after / shards) - Math.floor(before / shards)
  }
}
