// What a user may publish, subscribe to and receive (docs/reference/authentication.md, "Permissions"). One function,
// isAllowed(), decides (docs/reference/reliability.md, "One decision on permissions"). Deny wins.
//
// A compiled set of permissions belongs to a user, not to a connection: it keeps no state and can be shared. Answers
// are not cached here; the caller that checks every message caches them by subject. Subjects are byte strings.

import type { Permissions, SubjectRules } from '../options/shapes.ts'
import { isValidFilter } from '../subjects/subject.ts'
import { Characters } from '../text/scan.ts'
import { type Reading, SubjectSet } from './subject-set.ts'

const BLANKS = new Characters(' \t\n\f\r')

/** `filtered`: allowed, but each delivery must be asked about, since parts of what the wildcard covers are denied. */
export type SubscribeVerdict = 'denied' | 'allowed' | 'filtered'

interface Rule {
  /** undefined: everything. */
  readonly allow: SubjectSet | undefined
  /** undefined: nothing. */
  readonly deny: SubjectSet | undefined
}

export class CompiledPermissions {
  private readonly publish: Rule
  private readonly subscribe: Rule
  /** What a delivery is held against: subscribing was allowed already, and the subject may be another's mapping. */
  private readonly deliver: Rule

  constructor(permissions: Permissions) {
    const { publish, subscribe, responses } = permissions
    // A user that may respond, without a rule for publishing, may publish nothing else.
    const publishAllow = publish?.allow ?? (responses === undefined ? undefined : [])
    const subscribeAllow = subscribe?.allow?.length ? subscribe.allow : undefined
    this.publish = {
      allow: publishAllow && compile(publishAllow, 'skipQueues'),
      deny: publish?.deny?.length ? compile(publish.deny, 'ignoreQueues') : undefined,
    }
    this.subscribe = {
      allow: subscribeAllow && compile(subscribeAllow, 'queues'),
      deny: subscribe?.deny?.length ? compile(subscribe.deny, 'queues') : undefined,
    }
    this.deliver = { allow: undefined, deny: this.subscribe.deny }
  }

  /** Nothing restricts publishing, so that no check is needed. */
  get publishesAll(): boolean {
    return this.publish.allow === undefined && this.publish.deny === undefined
  }

  /** Whether a message may be published to the subject, apart from responses (responses.ts). */
  mayPublish(subject: string): boolean {
    return isAllowed(this.publish, subject, '', 'literal')
  }

  /**
   * Whether SUB may name the filter; an empty queue means none. A filter must lie within the allowed subjects as a
   * whole. nats-server reads `>` as a token like others: where `foo.*` is allowed it accepts `foo.>`, and delivers
   * `foo.a.b`; Heddle does not.
   */
  maySubscribe(filter: string, queue: string): SubscribeVerdict {
    if (!isAllowed(this.subscribe, filter, queue, 'literal')) return 'denied'
    if (!isAllowed(this.subscribe, filter, queue, 'inside')) return 'denied'
    return isAllowed(this.deliver, filter, queue, 'overlap') ? 'allowed' : 'filtered'
  }

  /** Whether a message may be delivered to a subscription that was `filtered`. */
  mayDeliver(subject: string, queue: string): boolean {
    return isAllowed(this.deliver, subject, queue, 'literal')
  }
}

/**
 * The one decision. A queue that some matching entries name must match one of them, even if an entry without a queue
 * matches too: `bar` and `bar q1` together allow plain subscriptions and those of q1, but not of q2. A plain deny
 * holds for every queue. Denies read a subscription's wildcards as tokens, as nats-server does: `foo.*` denies `foo.>`
 * at once, and what else a wildcard has in common with a deny is kept from it at delivery.
 */
function isAllowed(rule: Rule, subject: string, queue: string, reading: Reading): boolean {
  if (rule.allow !== undefined) {
    const { plain, queues } = rule.allow.find(subject, reading)
    const isNamed = queue !== '' && queues.length > 0
    if (isNamed ? !queues.some((pattern) => queueMatches(queue, pattern)) : !plain) return false
  }
  if (rule.deny === undefined) return true
  const { plain, queues } = rule.deny.find(subject, reading === 'overlap' ? 'overlap' : 'literal')
  return !plain && !(queue !== '' && queues.some((pattern) => queueMatches(queue, pattern)))
}

/** A queue matches its own name, or a pattern that covers it. What looks like a wildcard in a name is part of it. */
function queueMatches(queue: string, pattern: string): boolean {
  if (queue === pattern) return true
  const tokens = queue.split('.')
  const patternTokens = pattern.split('.')
  if (tokens.some((token) => token === '' || token === '>')) return false
  for (const [i, token] of patternTokens.entries()) {
    if (token === '>') return tokens.length > i
    if (i === tokens.length || (token !== tokens[i] && (token !== '*' || tokens[i] === '>'))) return false
  }
  return tokens.length === patternTokens.length
}

/**
 * Publish entries have no queue: one that names a queue allows nothing, but denies its subject. Entries that are no
 * subjects cannot match anything and are left out; configuration and tokens have been checked for them before.
 */
function compile(entries: readonly string[], mode: 'queues' | 'skipQueues' | 'ignoreQueues'): SubjectSet {
  const set = new SubjectSet()
  for (const entry of entries) {
    const words = BLANKS.split(Buffer.from(entry).toString('latin1'))
    if (words.length < 1 || words.length > 2 || !words.every(isValidFilter)) continue
    if (words.length === 2 && mode === 'skipQueues') continue
    set.add(words[0], mode === 'queues' ? (words[1] ?? '') : '')
  }
  return set
}

/** The same permissions with more that must not be published. */
export function denyPublish(permissions: Permissions | undefined, subjects: readonly string[]): Permissions {
  const publish: SubjectRules = permissions?.publish ?? {}
  return { ...permissions, publish: { ...publish, deny: [...(publish.deny ?? []), ...subjects] } }
}
