// A subscription as /connz?subs=detail and /subsz list it (docs/reference/monitoring.md, "connz: subscriptions").

import type { Json } from '../../base/json.ts'
import { unlessEmpty } from '../../base/json.ts'
import type { SubscriptionRow } from '../../reports/rows.ts'

/** The account is named on /subsz and for closed connections; for open ones nats-server leaves it out. */
export function subscriptionDetail(row: SubscriptionRow, withAccount: boolean): Json {
  return {
    account: withAccount ? row.account : undefined,
    account_tag: withAccount ? row.accountTag : undefined,
    subject: row.subject,
    qgroup: unlessEmpty(row.queue),
    sid: row.sid,
    msgs: row.delivered,
    max: unlessEmpty(row.max),
    cid: row.connection,
  }
}
