// Counts the subscriptions under a path of the shared index, for pages. The primary reads it, at no cost to the owner
// of the region. One pass over the table of edges; each node with subscriptions is counted for its branch.
//
// The index may change meanwhile. Counts may be off by changes during the pass, which is acceptable for a page; offsets
// in reused memory are not trusted: words outside the view read as undefined, no node is climbed from twice, and a
// branch whose parts do not fit together is left out.

import { Edges, Header, Node, Queue } from './layout.ts'

const WORD_BYTES = 4
const QUEUES_MAX = 100_000
const TOKEN_BYTES_MAX = 65_536

/** One token under the path that was asked for. */
export interface Branch {
  /** A byte string. */
  readonly token: string
  /** Plain subscriptions and members of queue groups on exactly this filter … */
  here: number
  /** … and on it or anything under it. */
  total: number
  /** Queue groups on exactly this filter. */
  queues: number
  /** Whether it has any subscription. */
  hasMore: boolean
}

/**
 * The branches under a path of tokens, the first of which is the account; an empty path asks for the accounts. Byte
 * strings; by token. Undefined if the path is not there.
 */
export function takeCensus(region: SharedArrayBuffer, path: readonly string[]): Map<string, Branch> | undefined {
  const words = new Int32Array(region, 0, Math.floor(region.byteLength / WORD_BYTES))
  const bytes = new Uint8Array(region, 0, words.length * WORD_BYTES)
  const nodes = nodesOf(words)
  let top = words[Header.root]
  for (const token of path) {
    const child = nodes.find((node) => words[node + Node.parent] === top && tokenOf(words, bytes, node) === token)
    if (child === undefined) return undefined
    top = child
  }
  const branches = new Map<string, Branch>()
  const byNode = new Map<number, Branch>()
  const branchOf = new Map<number, number>()
  for (const node of nodes) {
    const branchNode = climb(words, node, top, branchOf)
    if (branchNode === 0) continue
    const branch = byNode.get(branchNode) ?? addBranch(branches, byNode, branchNode, tokenOf(words, bytes, branchNode))
    if (branch === undefined) continue
    const { members, groups } = queuesOf(words, node)
    const held = members + (words[node + Node.plain] ?? 0)
    branch.total += held
    if (node === branchNode) {
      branch.here += held
      branch.queues += groups
    } else branch.hasMore = true
  }
  return branches
}

function addBranch(
  branches: Map<string, Branch>,
  byNode: Map<number, Branch>,
  node: number,
  token: string | undefined,
): Branch | undefined {
  if (token === undefined) return undefined
  const branch = branches.get(token) ?? { token, here: 0, total: 0, queues: 0, hasMore: false }
  branches.set(token, branch)
  byNode.set(node, branch)
  return branch
}

/** Every node: those in the table, and the `*` and `>` that hang on nodes without standing in it. */
function nodesOf(words: Int32Array): number[] {
  const nodes: number[] = []
  const addWildcards = (node: number): void => {
    // `*` may have a `*` of its own, and so on; the root has neither.
    for (let at = node; nodes.length < words.length; ) {
      const rest = words[at + Node.rest]
      if (rest > 0) nodes.push(rest)
      const star = words[at + Node.star]
      if (!(star > 0)) return
      nodes.push(star)
      at = star
    }
  }
  const edges = words[Header.edges]
  const slots = Math.min((words[edges + Edges.mask] ?? -1) + 1, words.length)
  for (let slot = 0; slot < slots; slot++) {
    const node = words[edges + Edges.slots + slot]
    if (!(node > 0)) continue
    nodes.push(node)
    addWildcards(node)
  }
  return nodes
}

/**
 * The ancestor of `from`, or itself, that is a child of `top`; 0 if there is none. What is found is noted in `known`
 * for each node on the way, so that all climbs together take as many steps as there are nodes.
 */
function climb(words: Int32Array, from: number, top: number, known: Map<number, number>): number {
  const way: number[] = []
  let branch: number | undefined
  for (let node = from; branch === undefined; ) {
    branch = known.get(node)
    if (branch !== undefined) break
    way.push(node)
    // Until more is known: a way that leads back to itself leads nowhere.
    known.set(node, 0)
    const parent = words[node + Node.parent]
    if (parent === top) branch = node
    else if (!(parent > 0)) branch = 0
    else node = parent
  }
  for (const node of way) known.set(node, branch)
  return branch
}

function tokenOf(words: Int32Array, bytes: Uint8Array, node: number): string | undefined {
  const length = words[node + Node.tokenBytes]
  const at = (node + Node.token) * WORD_BYTES
  if (!(length > 0 && length <= TOKEN_BYTES_MAX && at + length <= bytes.length)) return undefined
  let token = ''
  for (let i = at; i < at + length; i++) token += String.fromCharCode(bytes[i])
  return token
}

function queuesOf(words: Int32Array, node: number): { members: number; groups: number } {
  let members = 0
  let groups = 0
  let entry = words[node + Node.queues]
  for (let steps = 0; entry > 0 && steps < QUEUES_MAX; steps++) {
    const count = words[entry + Queue.members]
    if (count > 0) {
      members += count
      groups++
    }
    entry = words[entry + Queue.next]
  }
  return { members, groups }
}
