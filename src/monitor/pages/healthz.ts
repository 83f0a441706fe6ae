// /healthz: whether the server accepts clients (docs/reference/monitoring.md, "healthz"). It queries no shard, so that
// it answers whatever they are doing.

import type { Json } from '../../base/json.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { hasStreams } from './jetstream.ts'

const FLAGS = ['js-enabled', 'js-enabled-only', 'js-server-only', 'js-meta-only'] as const

const NOT_READY = 'failed to be ready for connections after 1ms: server'

export function healthz(parameters: Parameters, context: PageContext): Answer {
  countRequest(context, '/healthz')
  for (const flag of FLAGS) parameters.boolean(flag) // they choose among checks, of which we have one
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
  const wrong = streamHealth(parameters, context)
  if (wrong === undefined) return compact({ status: 'ok' })
  context.server.log.warn(`Healthcheck failed: ${details ? '1 errors' : JSON.stringify(wrong.error)}`)
  return details
    ? compact({ status: 'error', errors: [wrong] }, 404)
    : compact({ status: 'unavailable', error: wrong.error }, 404)
}

/** What is asked for and not there. */
function streamHealth(parameters: Parameters, { server }: PageContext): Missing | undefined {
  const [account, stream] = [parameters.bytes('account'), parameters.text('stream')]
  if (server.options.jetstream === undefined || account === '') return undefined
  const name = parameters.text('account')
  const isKnown = hasStreams(server.options, name) || server.streams?.accountNames().includes(name) === true
  if (!isKnown) return { type: 'ACCOUNT', account: name, error: `JetStream account ${JSON.stringify(name)} not found` }
  if (stream === '' || server.streams?.has(account, stream) === true) return undefined
  const error = `JetStream stream ${JSON.stringify(stream)} not found on account ${JSON.stringify(name)}`
  return { type: 'STREAM', account: name, stream, error }
}

type Missing = { readonly type: string; readonly account: string; readonly stream?: string; readonly error: string }

function unwell(code: number, type: string, error: string, details: boolean): Answer {
  return compact(details ? { status: 'error', errors: [{ type, error }] } : { status: 'error', error }, code)
}

/** Unlike the other pages, this one is one line. */
function compact(value: Json, status = 200): Answer {
  return jsonAnswer(value, status, 0)
}
