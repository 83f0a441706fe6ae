// The subject spaces that an account has in the shared index: what this server itself wants, and what other servers
// want of it. Each is a name of its own, so that whoever reads the index says whose interest counts.

/** In the names of accounts that no configuration can have. */
const ABROAD = '\n'

/** Those that routes lead to, hubs of which this server is a leaf node, and its own leaf nodes. */
export const ABROAD_SPACES = ['routes', 'hubs', 'leafs'] as const

/** What other servers want of an account (a byte string, as the result). */
export function spaceAbroad(account: string, space: (typeof ABROAD_SPACES)[number]): string {
  return `${account}${ABROAD}${space}`
}

/** Whether the name is that of what other servers want, or of messages between shards. */
export function isInternalSpace(name: string): boolean {
  return name.includes(ABROAD)
}

/** All spaces of an account, its own first. */
export function spacesOf(account: string): readonly string[] {
  return [account, ...ABROAD_SPACES.map((space) => spaceAbroad(account, space))]
}
