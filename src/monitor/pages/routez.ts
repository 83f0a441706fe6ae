// /routez: routes to other servers of the cluster (docs/reference/monitoring.md, "Pages of other features").

import { nowMs } from '../../base/clock.ts'
import { age, goDuration, goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty } from '../../base/json.ts'
import type { Options } from '../../options/options.ts'
import type { RouteRow } from '../../routes/contract.ts'
import { properText } from '../../subjects/byte-string.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

const NS_PER_MS = 1e6

export async function routez(parameters: Parameters, context: PageContext): Promise<Answer> {
  const subs = parameters.bytes('subs').toLowerCase()
  const withSubjects = subs === 'detail' || parameters.boolean('subs')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  countRequest(context, '/routez')
  const { server } = context
  const now = nowMs()
  const { reports } = await server.ask({ kind: 'routes', subscriptions: withSubjects })
  const rows = (reports as RouteRow[][]).flat().sort((a, b) => a.id - b.id)
  const { permissions } = server.options.cluster ?? {}
  return jsonAnswer({
    server_id: server.identity.serverId,
    server_name: server.identity.serverName,
    now: goTime(now),
    import: rulesOf(permissions?.publish),
    export: rulesOf(permissions?.subscribe),
    num_routes: rows.length,
    routes: rows.map((row) => memberOf(row, now, withSubjects)),
  })
}

function rulesOf(rules: NonNullable<NonNullable<Options['cluster']>['permissions']>['publish']): Json {
  return rules && { allow: rules.allow && [...rules.allow], deny: rules.deny && [...rules.deny] }
}

function memberOf(row: RouteRow, now: number, withSubjects: boolean): Json {
  return {
    rid: row.id,
    remote_id: row.remoteId,
    remote_name: row.remoteName,
    did_solicit: row.isDialled,
    is_configured: row.isConfigured,
    ip: row.ip,
    port: row.port,
    start: goTime(row.startMs),
    last_activity: goTime(row.lastActivityMs),
    rtt: goDuration(Math.round(row.rttMs * NS_PER_MS)),
    uptime: age(now - row.startMs),
    idle: age(now - row.lastActivityMs),
    pending_size: row.pendingBytes,
    in_msgs: row.inMessages,
    out_msgs: row.outMessages,
    in_bytes: row.inBytes,
    out_bytes: row.outBytes,
    subscriptions: row.subscriptions,
    subscriptions_list: withSubjects ? row.subjects.map(properText) : undefined,
    account: unlessEmpty(properText(row.account)),
    compression: row.compression,
  }
}
