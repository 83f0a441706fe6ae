// A map by number for entries that change all the time, such as connections and their subscriptions.
//
// V8's Map rebuilds its table every few dozen deletions, and each discarded table refers to its successor. Once a full
// collection has moved a table to the old generation, all tables after it are kept until the next full one, though they
// are unused, and with them every connection in any of them: each is copied twice and becomes garbage of the old
// generation. Tables of this map know nothing of each other.

import { mix } from './block.ts'

const FIRST_PLACES = 64

/** The map, for inspection. */
export interface ReadonlyNumberMap<V> {
  readonly size: number
  has(key: number): boolean
  get(key: number): V | undefined
  values(): Iterable<V>
}

export class NumberMap<V extends object> implements ReadonlyNumberMap<V> {
  /** In the order in which they came; undefined: deleted. */
  private items: (V | undefined)[] = []
  private keys: number[] = []
  /** A hash table of places in `items`, counted from 1; 0 = empty. Two slots for each place that there may be. */
  private slots: number[] = emptySlots(FIRST_PLACES)
  private count = 0

  get size(): number {
    return this.count
  }

  has(key: number): boolean {
    return this.placeOf(key) >= 0
  }

  get(key: number): V | undefined {
    const place = this.placeOf(key)
    return place < 0 ? undefined : this.items[place]
  }

  set(key: number, item: V): void {
    const place = this.placeOf(key)
    if (place >= 0) {
      this.items[place] = item
      return
    }
    if (this.items.length * 2 === this.slots.length) this.makeAnew()
    this.append(key, item)
    this.count++
  }

  /** Returns whether it was there. */
  delete(key: number): boolean {
    const place = this.placeOf(key)
    if (place < 0) return false
    this.items[place] = undefined
    this.count--
    return true
  }

  /**
   * Those that are there, in the order in which they came. While the caller goes through them, others may be deleted,
   * which are left out from then on, and added, which may be left out.
   */
  *values(): Generator<V, undefined> {
    const { items, keys } = this
    for (let place = 0; place < items.length; place++) {
      const item = items[place]
      if (item !== undefined && (items === this.items || this.get(keys[place]) === item)) yield item
    }
  }

  private placeOf(key: number): number {
    const { items, keys, slots } = this
    const mask = slots.length - 1
    for (let slot = mix(key) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const place = slots[slot] - 1
      if (keys[place] === key && items[place] !== undefined) return place
    }
    return -1
  }

  private append(key: number, item: V): void {
    const { slots } = this
    const mask = slots.length - 1
    let slot = mix(key) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    this.keys.push(key)
    slots[slot] = this.items.push(item)
  }

  /** All places have been used: the entries move to new arrays, half of which is free. */
  private makeAnew(): void {
    const { items, keys } = this
    let places = FIRST_PLACES
    while (places < this.count * 2) places *= 2
    this.items = []
    this.keys = []
    this.slots = emptySlots(places)
    for (const [place, item] of items.entries()) if (item !== undefined) this.append(keys[place], item)
  }
}

function emptySlots(places: number): number[] {
  return Array<number>(places * 2).fill(0)
}
