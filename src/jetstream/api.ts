// The JetStream API: one table of all requests. What a request is about decides which shard carries it out
// (jetstream.ts); how it is answered is in stream-api.ts, account-api.ts and
// consumers/consumer-api.ts.

import { matchesTokens } from '../subjects/subject.ts'
import { ACCOUNT_VERBS } from './account-api.ts'
import { BACKUP_VERBS } from './backup/backup-api.ts'
import { CLUSTER_VERBS } from './cluster-api.ts'
import { CONSUMER_VERBS } from './consumers/consumer-api.ts'
import { STREAM_VERBS } from './stream-api.ts'
import type { Verb } from './verb.ts'

/** All requests. */
const VERBS: readonly Verb[] = [...ACCOUNT_VERBS, ...STREAM_VERBS, ...BACKUP_VERBS, ...CONSUMER_VERBS, ...CLUSTER_VERBS]

const BY_SUBJECT = VERBS.map((verb) => ({ verb, pattern: verb.subject.split('.') }))

/** The request that a subject, without its prefix and in tokens, makes; undefined: it is none. */
export function verbOf(tokens: readonly string[]): Verb | undefined {
  return BY_SUBJECT.find(({ pattern }) => matchesTokens(pattern, tokens))?.verb
}
