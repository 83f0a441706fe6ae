// /healthz: whether the server accepts clients (docs/reference/monitoring.md, "healthz"). It queries a
// shard about a consumer alone, so that it answers whatever they are doing.

import type { Json } from '../../base/json.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { hasStreams } from './jetstream.ts'

const FLAGS = ['js-enabled', 'js-enabled-only', 'js-server-only', 'js-meta-only'] as const

const NOT_READY = 'failed to be ready for connections after 1ms: server'

const STORAGE_SILENT: Unwell = { type: 'JETSTREAM', error: 'JetStream storage does not answer' }

export async function healthz(parameters: Parameters, context: PageContext): Promise<Answer> {
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
  const missing = await missingOf(parameters, context)
  const wrong = missing === undefined ? ailments(parameters, context) : [missing]
  if (wrong.length === 0) return compact({ status: 'ok' })
  context.server.log.warn(`Healthcheck failed: ${details ? `${wrong.length} errors` : JSON.stringify(wrong[0].error)}`)
  const status = missing === undefined ? 503 : 404
  return details
    ? compact({ status: 'error', errors: wrong }, status)
    : compact({ status: 'unavailable', error: wrong[0].error }, status)
}

/** The store thread, if it is silent; streams whose disk fails, or that could not be opened: all, or those named. */
function ailments(parameters: Parameters, { server }: PageContext): Unwell[] {
  const [account, stream] = [parameters.bytes('account'), parameters.text('stream')]
  const found = server.streams?.ailments(account || undefined, stream || undefined) ?? []
  const streams = found.map(({ account, stream, text }) => {
    return { type: 'STREAM', account, stream, error: `JetStream stream '${account} > ${stream}' ${text}` }
  })
  return server.streams?.isStorageWell === false ? [STORAGE_SILENT, ...streams] : streams
}

/** What is asked for and not there. */
async function missingOf(parameters: Parameters, { server }: PageContext): Promise<Unwell | undefined> {
  const [account, stream] = [parameters.bytes('account'), parameters.text('stream')]
  if (server.options.jetstream === undefined || account === '') return undefined
  const name = parameters.text('account')
  const isKnown = hasStreams(server.options, name) || server.streams?.accountNames().includes(name) === true
  if (!isKnown) return { type: 'ACCOUNT', account: name, error: `JetStream account ${JSON.stringify(name)} not found` }
  if (stream === '') return undefined
  const quoted = [stream, name].map((text) => JSON.stringify(text))
  if (server.streams?.has(account, stream) !== true) {
    const error = `JetStream stream ${quoted[0]} not found on account ${quoted[1]}`
    return { type: 'STREAM', account: name, stream, error }
  }
  const consumer = parameters.text('consumer')
  if (consumer === '' || (await server.streams.hasConsumer(account, stream, consumer)) !== false) return undefined
  const place = `stream ${quoted[0]} on account ${quoted[1]}`
  const error = `JetStream consumer ${JSON.stringify(consumer)} not found for ${place}`
  return { type: 'CONSUMER', account: name, stream, consumer, error }
}

type Unwell = {
  readonly type: string
  readonly account?: string
  readonly stream?: string
  readonly consumer?: string
  readonly error: string
}

function unwell(code: number, type: string, error: string, details: boolean): Answer {
  return compact(details ? { status: 'error', errors: [{ type, error }] } : { status: 'error', error }, code)
}

/** Unlike the other pages, this one is one line. */
function compact(value: Json, status = 200): Answer {
  return jsonAnswer(value, status, 0)
}
