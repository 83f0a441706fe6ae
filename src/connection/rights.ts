// The permissions of one connection (src/auth/permissions.ts decides; this caches).
//
// A publish is checked once per subject and user: the plan of the subject stores the permissions that allowed it, so
// that the hot path compares two references. Deliveries are checked when a plan is made, never per message.

import { CompiledPermissions, type SubscribeVerdict } from '../auth/permissions.ts'
import { ResponsePermits } from '../auth/responses.ts'
import type { Permissions } from '../options/shapes.ts'
import { type Run, subjectOf } from '../protocol/run.ts'
import type { Plan } from '../routing/plan.ts'

/** What it needs of the plan of a subject. */
type AllowedPlan = Pick<Plan, 'isAllowed' | 'allow'>

export class Rights {
  /** Shared by all connections of a user. */
  private readonly permissions: CompiledPermissions
  /** Undefined: no answers beyond what may be published anyway. */
  private readonly permits: ResponsePermits | undefined

  constructor(permissions: CompiledPermissions, rules: Permissions, nowMs: () => number) {
    this.permissions = permissions
    this.permits = rules.responses === undefined ? undefined : new ResponsePermits(rules.responses, nowMs)
  }

  /** How many messages of a run may be published: all, none, or as many answers as are still allowed. */
  publishable(plan: AllowedPlan, run: Run): number {
    const { permissions, permits } = this
    const { count } = run
    if (plan.isAllowed(permissions) || permissions.publishesAll) return count
    const subject = subjectOf(run)
    if (permissions.mayPublish(subject)) {
      plan.allow(permissions)
      return count
    }
    if (permits === undefined) return 0
    let allowed = 0
    while (allowed < count && permits.mayRespond(subject)) allowed++
    return allowed
  }

  /** Beside answers. */
  mayPublish(subject: string): boolean {
    return this.permissions.mayPublish(subject)
  }

  maySubscribe(filter: string, queue: string): SubscribeVerdict {
    return this.permissions.maySubscribe(filter, queue)
  }

  /** For subscriptions that are `filtered`. */
  mayDeliver(subject: string, queue: string): boolean {
    return this.permissions.mayDeliver(subject, queue)
  }

  /** Whether delivered() is called for reply subjects. */
  get mayAnswer(): boolean {
    return this.permits !== undefined
  }

  /** A message that can be answered at `reply` was delivered. */
  delivered(reply: string): void {
    if (!this.permissions.mayPublish(reply)) this.permits?.delivered(reply)
  }
}

/** Compiles each set of permissions once, so that users with the same one share it. */
export class PermissionSets {
  private readonly sets = new WeakMap<Permissions, CompiledPermissions>()

  rights(permissions: Permissions, nowMs: () => number): Rights {
    let compiled = this.sets.get(permissions)
    if (compiled === undefined) {
      compiled = new CompiledPermissions(permissions)
      this.sets.set(permissions, compiled)
    }
    return new Rights(compiled, permissions, nowMs)
  }
}
