// A list that an item can leave from any place, at once.

/** The place of an item in a list. */
export class Link<T> {
  readonly item: T
  before: Link<T> | undefined
  after: Link<T> | undefined

  constructor(item: T) {
    this.item = item
  }
}

export class LinkedList<T> {
  first: Link<T> | undefined
  last: Link<T> | undefined
  size = 0

  /** Adds an item at the end. */
  append(item: T): Link<T> {
    return this.insert(item, this.last)
  }

  /** Adds an item behind another one; undefined: at the beginning. */
  insert(item: T, before: Link<T> | undefined): Link<T> {
    const link = new Link(item)
    const after = before === undefined ? this.first : before.after
    link.before = before
    link.after = after
    if (before === undefined) this.first = link
    else before.after = link
    if (after === undefined) this.last = link
    else after.before = link
    this.size++
    return link
  }

  remove(link: Link<T>): void {
    const { before, after } = link
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    this.size--
  }

  /** All items in their order; the current one may leave meanwhile. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (let link = this.first; link !== undefined; ) {
      const next: Link<T> | undefined = link.after
      yield link.item
      link = next
    }
  }
}
