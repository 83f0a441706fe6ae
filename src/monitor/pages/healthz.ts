// /healthz: whether the server accepts clients (docs/reference/monitoring.md, "healthz"). It queries no shard, so that
// it answers whatever they are doing.

import type { Json } from '../../base/json.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

const FLAGS = ['js-enabled', 'js-enabled-only', 'js-server-only', 'js-meta-only'] as const

const NOT_READY = 'failed to be ready for connections after 1ms: server'

export function healthz(parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/healthz')
  for (const flag of FLAGS) parameters.boolean(flag) // they choose among checks of JetStream, which we have not
  const details = parameters.boolean('details')
  if (parameters.refused !== undefined) return refusal(parameters.refused)

  const isEmpty = (name: string): boolean => parameters.bytes(name) === ''
  if (isEmpty('account') && !isEmpty('stream')) {
    return unwell(400, 'BAD_REQUEST', '"account" must not be empty when checking stream health', details)
  }
  if (isEmpty('stream') && !isEmpty('consumer')) {
    return unwell(400, 'BAD_REQUEST', '"stream" must not be empty when checking consumer health', details)
  }
  if (!context.server.serving) {
    context.server.log.warn(`Healthcheck failed: ${JSON.stringify(NOT_READY)}`)
    return unwell(500, 'CONNECTION', NOT_READY, details)
  }
  return compact({ status: 'ok' })
}

function unwell(code: number, type: string, error: string, details: boolean): Answer {
  return compact(details ? { status: 'error', errors: [{ type, error }] } : { status: 'error', error }, code)
}

/** Unlike the other pages, this one is one line. */
function compact(value: Json, status = 200): Answer {
  return jsonAnswer(value, status, 0)
}
