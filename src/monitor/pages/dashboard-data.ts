// /dashboard.json: the dashboard's request once a second, with one small answer: the samples since its latest one, the
// shards and the traffic between them, and recent events. Connections, subjects, accounts and slow consumers have pages
// of their own, requested only while they are shown.

import { nowMs } from '../../base/clock.ts'
import { HEDDLE_VERSION, NATS_VERSION } from '../../base/constants.ts'
import { age } from '../../base/go-format.ts'
import type { Json } from '../../base/json.ts'
import { LATENCY_BOUNDS_S } from '../../reports/latency.ts'
import type { LoadReport } from '../../reports/load-meter.ts'
import { type Answer, jsonAnswer, refusal } from '../answer.ts'
import type { PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

const EVENTS_SHOWN = 100
/** What happened longer ago is not news. */
const NEWS_MS = 24 * 60 * 60_000

/** `since`: the number of the latest sample that the asker has. */
export async function dashboardData(parameters: Parameters, context: PageContext): Promise<Answer> {
  const since = parameters.unsigned('since')
  if (parameters.refused !== undefined) return refusal(parameters.refused)
  const { server, sampler } = context
  const now = nowMs()
  const events = await gatherEvents(context, now)
  return jsonAnswer(
    {
      server: {
        id: server.identity.serverId,
        name: server.identity.serverName,
        version: HEDDLE_VERSION,
        nats_version: NATS_VERSION,
        node: process.version,
        host: server.identity.host,
        port: server.identity.port,
        uptime: age(now - server.startedAt),
        serving: server.serving,
        max_connections: server.options.maxConnections,
        total_connections: server.totalConnections,
        thread_restarts: server.restarts,
      },
      now,
      sampled_at: sampler.samples.at(-1)?.at ?? 0,
      latency_bounds_s: LATENCY_BOUNDS_S,
      samples: sampler.samples.filter(({ number }) => number > since).map((sample) => ({ ...sample })),
      primary: describeLoad(context.load.report()),
      shards: describeShards(context),
      flows: sampler.threads.flatMap(({ shard, rings }) => rings.map((ring) => ({ from: shard, ...ring }))),
      events,
    },
    200,
    0,
  )
}

function describeShards({ server, sampler }: PageContext): Json[] {
  return server.shardStates.map(({ state }, shard) => {
    const totals = sampler.totals.find((one) => one.shard === shard)
    const thread = sampler.threads.find((one) => one.shard === shard)
    return {
      shard,
      state,
      connections: totals?.connections ?? 0,
      subscriptions: totals?.subscriptions ?? 0,
      in_msgs: totals?.inMessages ?? 0,
      out_msgs: totals?.outMessages ?? 0,
      in_bytes: totals?.inBytes ?? 0,
      out_bytes: totals?.outBytes ?? 0,
      pending_bytes: totals?.pendingBytes ?? 0,
      load: thread?.load === undefined ? null : describeLoad(thread.load),
      latency: thread === undefined ? null : { ...thread.latency, buckets: [...thread.latency.buckets] },
    }
  })
}

function describeLoad(load: LoadReport): Json {
  return {
    utilisation: load.utilisation,
    lag_p99_ms: load.lagP99Ms,
    lag_max_ms: load.lagMaxMs,
    heap_bytes: load.heapUsedBytes,
    gc_seconds: load.gc.reduce((total, { seconds }) => total + seconds, 0),
  }
}

/** Threads and connections, the latest first. */
async function gatherEvents({ sampler, reports }: PageContext, now: number): Promise<Json[]> {
  const incidents = (
    await reports.ask({ kind: 'incidents', since: Math.floor((now - NEWS_MS) / 60_000) * 60_000 })
  ).flat()
  const events = [
    ...sampler.events.map(({ at, kind, text }) => ({ at, kind, text })),
    ...incidents.map(({ at, reason, connection, name, peer, account }) => ({
      at,
      kind: reason.startsWith('Slow Consumer') ? 'slow' : 'connection',
      text: reason,
      cid: connection,
      name,
      peer,
      account,
    })),
  ]
  return events.sort((a, b) => b.at - a.at).slice(0, EVENTS_SHOWN)
}
