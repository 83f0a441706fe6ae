// /jsz: streams, their accounts and what they use (docs/reference/monitoring.md, "Pages of other features").

import { nowMs } from '../../base/clock.ts'
import { goTime } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import { countRequest, type PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'
import { hasStreams, NOTHING, streamConfig, streamLimits, streamStats } from './jetstream.ts'

const LIMIT_DEFAULT = 1024
const LEVEL_NONE = 0

type Members = { readonly [member: string]: Json }

/** Members of a stream's details, in nats-server's order. */
const DETAILS = ['name', 'created', 'cluster', 'config', 'state', 'consumer_detail'] as const

export async function jsz(parameters: Parameters, context: PageContext): Promise<Answer> {
  countRequest(context, '/jsz')
  const [wantsAccounts, wantsStreams, wantsConsumers] = ['accounts', 'streams', 'consumers'].map((name) => {
    return parameters.boolean(name)
  })
  parameters.boolean('direct-consumers')
  const wantsConfig = parameters.boolean('config')
  const offset = parameters.integer('offset')
  const limit = parameters.integer('limit') || LIMIT_DEFAULT
  const onlyByLeader = parameters.boolean('leader-only')
  for (const name of ['raft', 'stream-leader-only']) parameters.boolean(name)
  const { server } = context
  const { jetstream } = server.options
  // No server without JetStream leads those with it.
  if (onlyByLeader && jetstream === undefined) parameters.refuseWith('filtered response: not leader')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  const head = { server_id: server.identity.serverId, now: goTime(nowMs()) }
  if (jetstream === undefined) return jsonAnswer({ ...OFF, ...head, ...OFF_REST })
  const totals = server.streams?.totals() ?? NOTHING
  const account = parameters.text('acc')
  const details = wantsAccounts || wantsStreams || wantsConsumers || account !== ''
  return jsonAnswer({
    ...streamStats(server),
    ...head,
    config: streamConfig(jetstream),
    limits: streamLimits(jetstream) ?? {},
    streams: totals.streams,
    consumers: totals.consumers,
    messages: totals.messages,
    bytes: totals.memory + totals.file,
    account_details: details
      ? await accountDetails(
          context,
          account,
          offset,
          limit,
          wantsStreams || wantsConsumers,
          wantsConsumers,
          wantsConfig,
        )
      : undefined,
    total: accountNames(context).length,
  })
}

function accountNames({ server }: PageContext): string[] {
  const { accounts } = server.options
  const known = server.streams?.accountNames() ?? []
  const configured = accounts.length === 0 ? ['$G'] : accounts.map(({ name }) => name)
  return [...new Set([...configured.filter((name) => hasStreams(server.options, name)), ...known])].sort()
}

async function accountDetails(
  context: PageContext,
  account: string,
  offset: number,
  limit: number,
  wantsStreams: boolean,
  wantsConsumers: boolean,
  wantsConfig: boolean,
): Promise<Json> {
  const names = accountNames(context).filter((name) => account === '' || name === account)
  const details: Json[] = []
  for (const name of names.slice(Math.max(0, offset), Math.max(0, offset) + limit)) {
    details.push(await accountDetail(context, name, wantsStreams, wantsConsumers, wantsConfig))
  }
  return details.length === 0 ? undefined : details
}

async function accountDetail(
  { server }: PageContext,
  name: string,
  wantsStreams: boolean,
  wantsConsumers: boolean,
  wantsConfig: boolean,
) {
  const account = byteString(name)
  const totals = server.streams?.totals(account) ?? NOTHING
  const streams = wantsStreams ? ((await server.streams?.details(account, wantsConsumers)) ?? []) : []
  return {
    name,
    id: name,
    memory: totals.memory,
    storage: totals.file,
    reserved_memory: totals.reservedMemory,
    reserved_storage: totals.reservedFile,
    accounts: 0,
    ha_assets: 0,
    api: { level: LEVEL_NONE, total: totals.requests, errors: totals.errors },
    stream_detail: streams.length === 0 ? undefined : streams.map((stream) => detail(stream, server, wantsConfig)),
  }
}

function detail(stream: Members, server: PageContext['server'], wantsConfig: boolean): Json {
  const shown: Record<string, Json> = {
    ...stream,
    name: (stream['config'] as Members)['name'],
    cluster: { leader: server.identity.serverName },
    config: wantsConfig ? stream['config'] : undefined,
    consumer_detail: (stream['consumer_detail'] as readonly Members[] | undefined)?.map((consumer) => {
      return wantsConfig ? consumer : { ...consumer, config: undefined }
    }),
  }
  return Object.fromEntries(DETAILS.map((name) => [name, shown[name]]))
}

const OFF: Members = {
  memory: 0,
  storage: 0,
  reserved_memory: 0,
  reserved_storage: 0,
  accounts: 0,
  ha_assets: 0,
  api: { level: LEVEL_NONE, total: 0, errors: 0 },
}

const OFF_REST: Members = {
  disabled: true,
  config: { max_memory: 0, max_storage: 0 },
  streams: 0,
  consumers: 0,
  messages: 0,
  bytes: 0,
  total: 0,
}
