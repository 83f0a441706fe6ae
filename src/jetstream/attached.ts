// What hangs on a stream and follows its messages: a consumer. The stream tells it what happens, and asks it, where
// messages are kept only as long as somebody needs them. Sequences are those of the stream.

export interface Attached {
  /** What the limits for consumers in the stream's configuration apply to. */
  readonly config: { readonly inactive_threshold: number; readonly max_ack_pending: number }
  /** Its name, as its configuration has it. */
  readonly name: string
  /** Whether lists and counts have it. */
  readonly isListed: boolean
  /** Messages `first` to `last` have been stored; they may not be durable yet. Once for all that came together. */
  stored(first: number, last: number): void
  /** More has become as safe as the configuration promises. */
  durable(): void
  /** What was stored last could not be written, and is gone. */
  undone(): void
  /** A message is about to go: by a limit, its age, a delete, or its last acknowledgement. */
  leaving(seq: number): void
  /** Many are gone: the stream begins at its present first sequence, or lacks what matches the filter of a purge. */
  purged(filter: string): void
  /** Whether it would deliver messages on this subject. Asked when a message comes to a stream that keeps interest. */
  wants(subject: Uint8Array): boolean
  /** Whether it has not done with a message that is there. */
  needs(seq: number): boolean
  /** The stream goes by another configuration. */
  reconfigured(): void
  /** The stream is deleted, or this shard ends: nothing follows. */
  detached(why: 'deleted' | 'closed'): void
}
