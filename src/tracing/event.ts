// The events of a trace, in nats-server's format.

/** Members are nats-server's; texts are proper strings. A member that is undefined is left out. */
export interface TraceEvent {
  readonly type: 'in' | 'sm' | 'si' | 'se' | 'eg'
  /** RFC 3339. */
  readonly ts: string
  readonly kind?: number | undefined
  readonly cid?: number | undefined
  readonly name?: string | undefined
  readonly acc?: string | undefined
  readonly subj?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly sub?: string | undefined
  readonly queue?: string | undefined
  readonly error?: string | undefined
}
