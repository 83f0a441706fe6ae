// Requests that went to other shards in several frames, some of which have reached nobody: no subscriber there may
// receive them. A request that none of its frames delivered is answered with 503. For most requests some shard reports
// nothing, because it delivered them.

/** Requests remembered for one client: of more, the oldest are forgotten. */
const REMEMBERED_MAX = 1_000

export class UnheardRequests {
  /** By the number of the request: messages that were not delivered, each counted once per frame. */
  private readonly told = new Map<number, number>()

  /**
   * One of the `frames` frames of a request has delivered none of its so many messages. Returns how many messages all
   * frames have been told of by now, and had not before.
   */
  add(request: number, messages: number, frames: number): number {
    const before = this.told.get(request) ?? 0
    const after = before + messages
    this.told.delete(request)
    if (after % frames > 0) this.told.set(request, after)
    if (this.told.size > REMEMBERED_MAX) {
      for (const oldest of this.told.keys()) {
        this.told.delete(oldest)
        break
      }
    }
    return Math.floor(after / frames) - Math.floor(before / frames)
  }
}
