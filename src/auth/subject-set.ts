// A set of subject filters, each general or for one queue group, with a query for the members that match.
//
//     foo, foo.* and "foo.* workers"      root ─ foo (plain) ─ * (plain, queues: workers)
//
// Permissions are made of two such sets, allow and deny. They differ in how they read a subscription's wildcards,
// see Reading.

/**
 * How wildcards in the subject that is asked about are read:
 * - `literal`: as tokens like others, so that `*` in the set matches even `>`.
 * - `inside`: as wildcards; a member matches when it covers all that the subject does.
 * - `overlap`: as wildcards; a member matches when some subject is covered by both.
 */
export type Reading = 'literal' | 'inside' | 'overlap'

export interface Found {
  /** A member without a queue matches. */
  plain: boolean
  /** Queues of the matching members that name one. They may be patterns, such as `workers.*`. */
  readonly queues: string[]
}

class Node {
  plain = false
  readonly queues: string[] = []
  readonly literals = new Map<string, Node>()
  /** `*` and `>`. */
  one: Node | undefined
  rest: Node | undefined
}

export class SubjectSet {
  private readonly root = new Node()

  /** Adds a valid filter; an empty queue: the filter is general. Byte strings. */
  add(filter: string, queue: string): void {
    let node = this.root
    for (const token of filter.split('.')) node = childFor(node, token)
    if (queue === '') node.plain = true
    else if (!node.queues.includes(queue)) node.queues.push(queue)
  }

  /** A subject with an empty token matches nothing. */
  find(subject: string, reading: Reading): Found {
    const found: Found = { plain: false, queues: [] }
    const tokens = subject.split('.')
    if (!tokens.includes('')) walk(this.root, tokens, 0, reading, found)
    return found
  }
}

function childFor(node: Node, token: string): Node {
  if (token === '*') {
    node.one ??= new Node()
    return node.one
  }
  if (token === '>') {
    node.rest ??= new Node()
    return node.rest
  }
  let child = node.literals.get(token)
  if (child === undefined) {
    child = new Node()
    node.literals.set(token, child)
  }
  return child
}

/** Each node is visited at most once, since only one path leads to it. */
function walk(node: Node, tokens: readonly string[], at: number, reading: Reading, found: Found): void {
  if (at === tokens.length) {
    note(node, found)
    return
  }
  if (node.rest !== undefined) note(node.rest, found)
  const token = tokens[at]
  const isRest = token === '>' && at === tokens.length - 1 && reading !== 'literal'
  if (isRest && reading === 'overlap') {
    noteBelow(node, found)
    return
  }
  if (node.one !== undefined && !isRest) walk(node.one, tokens, at + 1, reading, found)
  if (token === '*' && reading === 'overlap') {
    for (const child of node.literals.values()) walk(child, tokens, at + 1, reading, found)
  } else {
    const child = node.literals.get(token)
    if (child !== undefined) walk(child, tokens, at + 1, reading, found)
  }
}

function note(node: Node, found: Found): void {
  if (node.plain) found.plain = true
  found.queues.push(...node.queues)
}

function noteBelow(node: Node, found: Found): void {
  for (const child of [node.one, node.rest, ...node.literals.values()]) {
    if (child === undefined) continue
    note(child, found)
    noteBelow(child, found)
  }
}
