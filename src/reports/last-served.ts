// The connection that a shard is serving, in shared memory: when its thread dies, the log can name that connection.

/** The first byte says how long the text is. */
export const LAST_SERVED_BYTES = 64

export class LastServed {
  private readonly bytes: Buffer
  private id = -1

  /** `bytes`: LAST_SERVED_BYTES of shared memory; the shard's thread writes them, the primary reads them. */
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** The shard begins to serve a connection. `describe` describes it, and is called if the previous one was another. */
  turnTo(id: number, describe: () => string): void {
    if (id === this.id) return
    this.id = id
    this.bytes[0] = this.bytes.write(describe(), 1, LAST_SERVED_BYTES - 1, 'latin1')
  }

  /** Empty: no connection has been served. */
  get text(): string {
    return this.bytes.toString('latin1', 1, 1 + this.bytes[0])
  }

  /** A new thread comes. */
  clear(): void {
    this.bytes[0] = 0
  }
}
