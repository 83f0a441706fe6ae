// The pages of features that this server lacks: gateways, leaf nodes (docs/reference/monitoring.md,
// "Pages of other features"). They look as nats-server's do where nothing of the kind is configured, so that tools
// which ask for all pages find them.

import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import { type Answer, jsonAnswer, refusal, textAnswer } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

export function gatewayz(parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/gatewayz')
  if (parameters.bytes('subs').toLowerCase() !== 'detail') parameters.boolean('subs')
  parameters.boolean('accs')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  return jsonAnswer({ ...head(context), outbound_gateways: {}, inbound_gateways: {} })
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
