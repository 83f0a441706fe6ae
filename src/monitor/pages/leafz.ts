// /leafz: leaf links, those of leaf nodes and those to hubs (docs/reference/monitoring.md, "Pages of other features").

import { nowMs } from '../../base/clock.ts'
import { goDuration, goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import type { LeafRow } from '../../leaf/contract.ts'
import { properText } from '../../subjects/byte-string.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

const NS_PER_MS = 1e6

export async function leafz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/leafz')
  const withSubjects = parameters.boolean('subs')
  const account = parameters.text('acc')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  const { reports } = await context.server.ask({ kind: 'leafs', subscriptions: withSubjects })
  const rows = (reports as LeafRow[][])
    .flat()
    .filter((row) => account === '' || row.account === account)
    .sort((a, b) => a.id - b.id)
  return jsonAnswer({
    server_id: context.server.identity.serverId,
    now: goTime(nowMs()),
    leafnodes: rows.length,
    leafs: rows.map((row) => memberOf(row, withSubjects)),
  })
}

function memberOf(row: LeafRow, withSubjects: boolean): Json {
  return {
    id: row.id,
    name: row.name,
    is_spoke: row.isSpoke,
    is_isolated: row.isIsolated || undefined,
    account: properText(row.account),
    ip: row.ip,
    port: row.port,
    rtt: row.rttMs === 0 ? undefined : goDuration(Math.round(row.rttMs * NS_PER_MS)),
    in_msgs: row.inMessages,
    out_msgs: row.outMessages,
    in_bytes: row.inBytes,
    out_bytes: row.outBytes,
    subscriptions: row.subscriptions,
    subscriptions_list: withSubjects ? row.subjects.map(properText) : undefined,
    compression: row.compression,
    websocket: row.isWebSocket || undefined,
  }
}
