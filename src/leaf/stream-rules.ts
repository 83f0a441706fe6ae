// What leaf links keep apart of two servers’ streams (docs/reference/leaf-nodes.md, "Streams"): requests to the API
// mean the streams of the server that they are made to, unless they name a domain.

import type { LeafRules } from './leaf-rights.ts'

const OF_ACCOUNT = ['$JS.API.>', '$KV.>', '$OBJ.>']
/** … and what servers of one cluster tell each other of their streams. */
const OF_SYSTEM = ['$JSC.>', '$NRG.>', ...OF_ACCOUNT]

/** `ours`: the domain of this account’s streams; empty: it has none, or they are in none. `theirs` likewise. */
export function streamRules(isSystem: boolean, ours: string, theirs: string): Pick<LeafRules, 'kept' | 'unsent'> {
  const kept = isSystem ? OF_SYSTEM : OF_ACCOUNT
  return { kept, unsent: ours !== '' && ours !== theirs ? [`$JS.${ours}.API.>`] : [] }
}
