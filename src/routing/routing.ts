// Instructions for another shard on how to route a run.

/** Largest `asked`: a frame has 16 bits for it. */
export const ASKED_MAX = 0xffff

/** How a run is to be dealt with by the shard that gets it. */
export interface Routing {
  /** Name of the account that it is published in (byte string). */
  readonly account: string
  /** Deliver to all plain subscriptions. */
  readonly plain: boolean
  /** Deliver to one member of this group; empty: of none. */
  readonly queue: string
  /**
   * `queue` lists groups, with blanks between them, each of which was dealt to one of this shard's links to other
   * servers: every link gets the run once, for these and for its plain interest. Otherwise `queue` is one group, and
   * for members of this shard.
   */
  readonly toLinks: boolean
  /** How often a queue message has changed shards because its member was gone. */
  readonly hops: number
  /** A request that its own shard delivers to nobody: how many frames went out for it; 0: it need not be told. */
  readonly asked: number
  /** The number of that request among those of its shard: its reply subject may be used again. */
  readonly question: number
  /** The publisher's connection, on the shard that it belongs to. */
  readonly publisher: number
  /** The number of its trace; 0: it is not traced; negative: its report is not awaited. */
  readonly trace: number
  /** It is not to be delivered. */
  readonly isOnlyTraced: boolean
}
