// What a user may know about itself: the answer to `$SYS.REQ.USER.INFO` (docs/reference/system-account.md, "Services").

import { nanoseconds } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import type { ClientFacts } from '../../connection/facts.ts'
import type { Permissions, SubjectRules } from '../../options/shapes.ts'
import type { SystemOwner } from './owner.ts'

/** `expires`: nanoseconds that are left. */
export function userInfo({ account, login }: ClientFacts, { admission, clock }: SystemOwner): Json {
  const { identity } = login
  const leftMs = identity?.expiresAtMs === undefined ? 0 : Math.max(0, identity.expiresAtMs - clock.dateMs)
  return {
    user: identity?.user ?? '',
    account: account.name,
    account_name: admission.accountTag(account.name),
    user_name: identity?.nameTag || undefined,
    permissions: identity?.permissions && describePermissions(identity.permissions),
    expires: leftMs > 0 ? nanoseconds(leftMs) : undefined,
  }
}

function describePermissions({ publish, subscribe, responses }: Permissions): Json {
  return {
    publish: publish && describeRules(publish),
    subscribe: subscribe && describeRules(subscribe),
    responses: responses && { max: responses.maxMessages, ttl: nanoseconds(responses.expires) },
  }
}

function describeRules({ allow, deny }: SubjectRules): Json {
  const unlessNone = (list: readonly string[] | undefined): Json =>
    list === undefined || list.length === 0 ? undefined : list
  return { allow: unlessNone(allow), deny: unlessNone(deny) }
}
