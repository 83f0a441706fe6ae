// The memory layout of a region: one shard's part of the shared subscription index.
//
// A region is a trie over subject tokens in a growable SharedArrayBuffer. Its owner alone writes it; every shard
// reads it. All offsets are in 32-bit words from the start of the region; 0 means "none".
//
//   header  ┌ SEQUENCE  goes up by one after each removal                    (see writer.ts for the order of writes)
//           │ CAPACITY  words in use by growth so far; a reader whose view is shorter makes a new one
//           │ EDGES     offset of the current edge table
//           └ SEED      of the hash
//
//   node    ┌ PARENT, HASH, TOKEN_BYTES                 the edge that leads here: (parent, token)
//           │ PLAIN     plain subscriptions on exactly this filter
//           │ IMPORTS   how many of them are another account's, by a stream import
//           │ QUEUES    head of the list of queue groups on exactly this filter
//           │ CHILDREN  so that the owner knows when to remove it
//           │ STAR, REST  children for `*` and `>`, which need no table
//           └ token, padded to whole words
//
//   queue   [ NEXT | MEMBERS | IMPORTS | NAME_BYTES | name, padded ]
//
//   edges   [ MASK | slot … ]   open addressing, linear probing; a slot is 0, TOMBSTONE or a node
//
// The first token of a path is the account, so accounts are subtrees: root ─ $G ─ orders ─ * ─ created

export const Header = { sequence: 0, capacity: 1, edges: 2, seed: 3, root: 4 } as const
/** The root node follows the header; it has no token. */
export const HEADER_WORDS = 16

export const Node = {
  parent: 0,
  hash: 1,
  tokenBytes: 2,
  plain: 3,
  imports: 4,
  queues: 5,
  children: 6,
  star: 7,
  rest: 8,
  token: 9,
} as const

export const Queue = { next: 0, members: 1, imports: 2, nameBytes: 3, name: 4 } as const

export const Edges = { mask: 0, slots: 1 } as const
export const TOMBSTONE = -1

export const STAR_BYTE = 42
export const REST_BYTE = 62
export const DOT_BYTE = 46

/** Combines a token's hash with its parent. */
export function edgeHash(parent: number, tokenHash: number): number {
  let hash = Math.imul(parent ^ 0x9e3779b1, 0x85ebca6b) ^ tokenHash
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
