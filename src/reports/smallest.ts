// The `max` smallest of many entries, each a key and the number of a connection: the entries of a page out of
// thousands, for one comparison each instead of a full sort. A heap with the largest on top; an entry above it is
// dropped at once. Equal keys are ordered by number, so that pages do not overlap.

export class Smallest {
  private readonly max: number
  private readonly keys: number[] = []
  private readonly ids: number[] = []

  constructor(max: number) {
    this.max = max
  }

  add(key: number, id: number): void {
    const { keys, ids, max } = this
    if (keys.length < max) {
      keys.push(key)
      ids.push(id)
      this.rise(keys.length - 1)
    } else if (max > 0 && (key < keys[0] || (key === keys[0] && id < ids[0]))) {
      keys[0] = key
      ids[0] = id
      this.sink()
    }
  }

  /** Key and number in turn, smallest first. */
  sorted(): number[] {
    const { keys, ids } = this
    const order = Uint32Array.from(keys.keys())
    order.sort((a, b) => keys[a] - keys[b] || ids[a] - ids[b])
    const flat: number[] = []
    for (const at of order) flat.push(keys[at], ids[at])
    return flat
  }

  private rise(at: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.isLarger(at, parent)) return
      this.swap(at, parent)
      at = parent
    }
  }

  private sink(): void {
    const { length } = this.keys
    for (let at = 0; ; ) {
      let largest = at
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < length; child++) {
        if (this.isLarger(child, largest)) largest = child
      }
      if (largest === at) return
      this.swap(at, largest)
      at = largest
    }
  }

  private isLarger(a: number, b: number): boolean {
    const { keys, ids } = this
    return keys[a] > keys[b] || (keys[a] === keys[b] && ids[a] > ids[b])
  }

  private swap(a: number, b: number): void {
    const { keys, ids } = this
    const key = keys[a]
    keys[a] = keys[b]
    keys[b] = key
    const id = ids[a]
    ids[a] = ids[b]
    ids[b] = id
  }
}
