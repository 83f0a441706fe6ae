// The pages of features that this server lacks: routes, gateways, leaf nodes, JetStream (docs/reference/monitoring.md,
// "Pages of other features"). They look as nats-server's do where nothing of the kind is configured, so that tools
// which ask for all pages find them.

import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import { type Answer, jsonAnswer, refusal, textAnswer } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

export function routez(parameters: Parameters, context: PageContext): Answer {
  if (parameters.bytes('subs').toLowerCase() !== 'detail') parameters.boolean('subs')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  countRequest(context, '/routez')
  const { serverId: server_id, serverName: server_name } = context.server.identity
  return jsonAnswer({ server_id, server_name, now: goTime(nowMs()), num_routes: 0, routes: [] })
}

export function gatewayz(parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/gatewayz')
  if (parameters.bytes('subs').toLowerCase() !== 'detail') parameters.boolean('subs')
  parameters.boolean('accs')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  return jsonAnswer({ ...head(context), outbound_gateways: {}, inbound_gateways: {} })
}

export function leafz(parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/leafz')
  parameters.boolean('subs')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  return jsonAnswer({ ...head(context), leafnodes: 0, leafs: [] })
}

export function jsz(parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/jsz')
  for (const name of ['accounts', 'streams', 'consumers', 'direct-consumers', 'config']) parameters.boolean(name)
  for (const name of ['offset', 'limit']) parameters.integer(name)
  const onlyByLeader = parameters.boolean('leader-only')
  for (const name of ['raft', 'stream-leader-only']) parameters.boolean(name)
  // No server without JetStream leads those with it.
  if (onlyByLeader) parameters.refuseWith('filtered response: not leader')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  return jsonAnswer({
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: 0, errors: 0 },
    ...head(context),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
    total: 0,
  })
}

export function raftz(): Answer {
  return textAnswer('No Raft nodes registered', 404)
}

/** Queues inside nats-server; what is inside this one is on /metrics and on the dashboard. */
export function ipqueuesz(parameters: Parameters): Answer {
  parameters.boolean('all')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  return jsonAnswer({})
}

function head(context: PageContext): { readonly server_id: string; readonly now: string } {
  return { server_id: context.server.identity.serverId, now: goTime(nowMs()) }
}
