// What may pass a leaf link, in each direction (docs/reference/leaf-nodes.md, "Permissions").
//
//     incoming: what the other server may publish here, and so what it is told that this one wants
//     outgoing: what is delivered to it, and so what it may want
//
// Without rules everything passes. Subjects are byte strings.

import { CompiledPermissions } from '../auth/permissions.ts'
import { ResponsePermits } from '../auth/responses.ts'
import type { ResponseRules, SubjectRules } from '../options/shapes.ts'
import type { DeliveryRights } from '../routing/subscription.ts'

/** Interest that finds loops, and answers on their way back, pass every link. */
const LOOP_PREFIX = '$LDS.'
const GATEWAY_PREFIXES = ['_GR_.', '$GR.']
const ANSWER_PREFIX = '_R_.'

export interface LeafRules {
  readonly incoming: SubjectRules | undefined
  readonly outgoing: SubjectRules | undefined
  /** Subjects that this server keeps to itself: it neither sends them nor tells that it wants them … */
  readonly kept?: readonly string[]
  /** … and those that it does not send. */
  readonly unsent?: readonly string[]
  /** The other server may answer requests that it was sent; undefined: no more than it may publish anyway. */
  readonly responses?: ResponseRules | undefined
}

export class LeafRights implements DeliveryRights {
  private readonly incoming: CompiledPermissions | undefined
  private readonly outgoing: CompiledPermissions | undefined
  /** The same without what this server keeps to itself. */
  private readonly allowed: CompiledPermissions | undefined
  private readonly permits: ResponsePermits | undefined
  /** Undefined: as for incoming messages. */
  private readonly told: CompiledPermissions | undefined

  constructor({ incoming, outgoing, kept = [], unsent = [], responses }: LeafRules, nowMs: () => number) {
    // Where answers are allowed, nothing else is, unless it is named.
    const taken = incoming === undefined && responses !== undefined ? { allow: [] } : incoming
    this.incoming = taken && new CompiledPermissions({ publish: taken })
    const tellable = withDenies(incoming?.allow?.length === 0 ? { deny: incoming.deny } : incoming, kept)
    this.told = tellable && new CompiledPermissions({ subscribe: tellable })
    this.allowed = outgoing && new CompiledPermissions({ publish: outgoing })
    const given = withDenies(outgoing, [...kept, ...unsent])
    this.outgoing = given && new CompiledPermissions({ publish: given })
    this.permits = responses && new ResponsePermits(responses, nowMs)
  }

  /** Whether a message of the other server is taken. */
  mayTake(subject: string): boolean {
    if (this.incoming === undefined || subject.startsWith(ANSWER_PREFIX)) return true
    return this.incoming.mayPublish(subject) || this.permits?.mayRespond(subject) === true
  }

  /** Whether the other server is told that this one wants a filter. */
  mayTell(filter: string): boolean {
    return this.told === undefined || isFree(filter) || this.told.maySubscribe(filter, '') !== 'denied'
  }

  /** Whether the other server may want a subject (without wildcards). */
  mayWant(subject: string): boolean {
    return this.allowed === undefined || isFree(subject) || this.allowed.mayPublish(subject)
  }

  /** Whether the other server may be sent a subject. */
  mayGive(subject: string): boolean {
    if (this.outgoing === undefined || isFree(subject) || subject.startsWith(ANSWER_PREFIX)) return true
    return this.outgoing.mayPublish(subject)
  }

  /** Whether deliveries have to be asked about. */
  get restrictsGiving(): boolean {
    return this.outgoing !== undefined
  }

  // ── As the router sees it ─────────────────────────────────────────────────────────────────────────────

  mayDeliver(subject: string): boolean {
    return this.mayGive(subject)
  }

  get mayAnswer(): boolean {
    return this.permits !== undefined
  }

  delivered(reply: string): void {
    if (!reply.startsWith('$JS.API.') && this.incoming?.mayPublish(reply) !== true) this.permits?.delivered(reply)
  }
}

function isFree(filter: string): boolean {
  return filter.startsWith(LOOP_PREFIX) || GATEWAY_PREFIXES.some((prefix) => filter.startsWith(prefix))
}

/** Rules with more that is denied; undefined if there are none. */
export function withDenies(rules: SubjectRules | undefined, denies: readonly string[]): SubjectRules | undefined {
  if (denies.length === 0) return rules
  return { ...rules, deny: [...(rules?.deny ?? []), ...denies] }
}
