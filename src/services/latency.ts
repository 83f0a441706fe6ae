// How long services take (docs/reference/accounts.md, "Service latency"): some requests for an exported service are
// measured, and the results are published in the exporter's account, for the operators of the service.
//
//     start ── requestor's way here ─▶ request passes ── responder ─▶ answer passes
//              requestor.rtt           ╰──────── service + responder.rtt ────────╯
//
// The requestor is described only as far as its import shares; the responder belongs to the account that reads this.

import type { Account, ServiceImport } from '../accounts/account.ts'
import { eventHead } from '../base/event-head.ts'
import type { ExportOptions } from '../options/shapes.ts'
import { composeRun } from '../protocol/compose.ts'
import type { Run } from '../protocol/run.ts'
import { SERVER } from '../routing/server-publisher.ts'
import type { ServicesOwner } from './owner.ts'
import { samplingHeaders, type TraceHeaders } from './sampling-headers.ts'

const TYPE = 'metric.v1.service_latency'
const NANOSECONDS_A_MS = 1e6

const FAILURES = {
  badRequest: { status: 400, description: 'Bad Request' },
  nobody: { status: 503, description: 'Service Unavailable' },
  timeout: { status: 504, description: 'Service Timeout' },
} as const

/** The description of a client (request-info.ts). */
type ClientInfo = Readonly<Record<string, unknown>> & { readonly rtt?: number }

/** Whether a message is to be measured: by chance, or because of its headers, which are then reported too. */
export function isSampled({ sampling }: NonNullable<ExportOptions['latency']>, run: Run, index: number): Sampling {
  if (sampling >= 100 || Math.random() * 100 < sampling) return { headers: undefined }
  if (run.headerSize === 0) return undefined
  const start = run.first + index * run.stride
  const headers = samplingHeaders(run.block.bytes.subarray(start, start + run.headerSize))
  return headers && { headers }
}

/** Undefined: it is not measured. */
export type Sampling = { readonly headers: TraceHeaders | undefined } | undefined

/** A request that is measured. It ends with one of its verbs, each of which publishes what came of it. */
export class LatencySample {
  private readonly owner: ServicesOwner
  private readonly exporter: Account
  private readonly subject: string
  private readonly requestor: ClientInfo | undefined
  private readonly headers: TraceHeaders | undefined
  /** When the request passed here; monotonic, and by the wall clock. */
  private readonly passedMs = performance.now()
  private readonly passedAtMs = Date.now()

  /** `requestor`: its description, in JSON as a byte string. */
  constructor(owner: ServicesOwner, { exporter, terms }: ServiceImport, requestor: string, sampling: Sampling) {
    this.owner = owner
    this.exporter = exporter
    this.subject = terms.latency?.subject ?? ''
    this.requestor = infoOf(requestor)
    this.headers = sampling?.headers
  }

  /** Why there will be no answer. */
  failed(why: keyof typeof FAILURES): void {
    this.publish(FAILURES[why], { service: 0, system: 0, total: 0 })
  }

  /** The answer passes: returns a callback for the description of the responder (JSON, empty if it has gone). */
  answered(): (responder: string) => void {
    const tookMs = performance.now() - this.passedMs
    return (text) => {
      const responder = infoOf(text)
      const requestorRtt = this.requestor?.rtt ?? 0
      const responderRtt = responder?.rtt ?? 0
      const took = nanoseconds(tookMs)
      const system = responderRtt > 0 ? nanoseconds(performance.now() - this.passedMs - tookMs) : 0
      // Round trip times are estimates: a service that is quicker than they say took no time.
      const service = Math.max(0, took - responderRtt)
      this.publish({ status: 200, responder }, { service, system, total: requestorRtt + took + system })
    }
  }

  private publish(
    { status, description, responder }: { status: number; description?: string; responder?: ClientInfo | undefined },
    spans: Readonly<Record<'service' | 'system' | 'total', number>>,
  ): void {
    const { owner, exporter, subject, requestor, headers, passedAtMs } = this
    const startMs = passedAtMs - (requestor?.rtt ?? 0) / NANOSECONDS_A_MS
    const event = {
      ...eventHead(TYPE, Date.now()),
      status,
      description,
      requestor,
      responder,
      header: headers,
      start: new Date(startMs).toISOString(),
      ...spans,
    }
    const payload = Buffer.from(JSON.stringify(event))
    // Of a request that is traced, what is measured is no part.
    owner.router.tracing(undefined, () => {
      composeRun(owner.pool, { subject, reply: '', headers: {}, payload }, (run) => {
        owner.router.dispatch(run, exporter, SERVER)
      })
    })
    owner.schedule()
  }
}

function infoOf(text: string): ClientInfo | undefined {
  return text === '' ? undefined : (JSON.parse(Buffer.from(text, 'latin1').toString()) as ClientInfo)
}

const nanoseconds = (ms: number): number => Math.round(ms * NANOSECONDS_A_MS)
