// Filters, each of somebody, in a tree by their tokens: whose filters overlap with another one is found without a look
// at all.

interface Node<T> {
  readonly children: Map<string, Node<T>>
  /** Whose filter ends here, and how often. */
  readonly owners: Map<T, number>
}

const newNode = <T>(): Node<T> => ({ children: new Map(), owners: new Map() })

export class FilterTree<T> {
  private readonly root: Node<T> = newNode()

  add(filter: string, owner: T): void {
    let node = this.root
    for (const token of filter.split('.')) {
      let child = node.children.get(token)
      if (child === undefined) {
        child = newNode()
        node.children.set(token, child)
      }
      node = child
    }
    node.owners.set(owner, (node.owners.get(owner) ?? 0) + 1)
  }

  /** Removes what was added once. */
  remove(filter: string, owner: T): void {
    const way: [parent: Node<T>, token: string][] = []
    let node = this.root
    for (const token of filter.split('.')) {
      const child = node.children.get(token)
      if (child === undefined) return
      way.push([node, token])
      node = child
    }
    const count = node.owners.get(owner) ?? 0
    if (count > 1) node.owners.set(owner, count - 1)
    else node.owners.delete(owner)
    for (const [parent, token] of way.reverse()) {
      if (node.owners.size > 0 || node.children.size > 0) return
      parent.children.delete(token)
      node = parent
    }
  }

  /** Whose filters overlap with this one; some perhaps several times. */
  overlapping(filter: string): Generator<T, undefined> {
    return below(this.root, filter.split('.'), 0)
  }
}

function* below<T>(node: Node<T>, tokens: readonly string[], at: number): Generator<T, undefined> {
  if (at === tokens.length) {
    yield* node.owners.keys()
    return
  }
  const token = tokens[at]
  const { children } = node
  if (token === '>') {
    for (const child of children.values()) yield* all(child)
    return
  }
  const open = children.get('>')
  if (open !== undefined) yield* open.owners.keys()
  if (token === '*') {
    for (const [name, child] of children) if (name !== '>') yield* below(child, tokens, at + 1)
    return
  }
  for (const name of [token, '*']) {
    const child = children.get(name)
    if (child !== undefined) yield* below(child, tokens, at + 1)
  }
}

function* all<T>({ children, owners }: Node<T>): Generator<T, undefined> {
  yield* owners.keys()
  for (const child of children.values()) yield* all(child)
}
