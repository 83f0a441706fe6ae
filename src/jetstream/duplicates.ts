// The ids by which a stream knows messages again that are sent twice: each for as long as the window is, from the time
// at which its message was stored.

interface Known {
  readonly seq: number
  readonly timeUs: number
}

export class Duplicates {
  /** Oldest first. */
  private readonly ids = new Map<string, Known>()
  /** Microseconds; 0: ids mean nothing. */
  windowUs: number

  constructor(windowUs: number) {
    this.windowUs = windowUs
  }

  /** The sequence of the message that had this id; undefined: there was none within the window. */
  find(id: string, nowUs: number): number | undefined {
    this.forgetBefore(nowUs - this.windowUs)
    return this.ids.get(id)?.seq
  }

  note(id: string, seq: number, timeUs: number): void {
    if (this.windowUs > 0) this.ids.set(id, { seq, timeUs })
  }

  /** Messages from this sequence on were not stored after all. */
  forgetFrom(seq: number): void {
    for (const [id, known] of this.ids) if (known.seq >= seq) this.ids.delete(id)
  }

  get size(): number {
    return this.ids.size
  }

  private forgetBefore(timeUs: number): void {
    for (const [id, known] of this.ids) {
      if (known.timeUs > timeUs) return
      this.ids.delete(id)
    }
  }
}
