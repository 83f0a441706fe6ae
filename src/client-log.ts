// What the log and the trace say of one connection, in nats-server's words.

import { bracketed, hostPort } from './addresses.ts'
import { bugText, CloseReason, type Fault, Faults, quote } from './errors.ts'
import type { Log, LogSource } from './log/log.ts'
import { type TraceOptions, traceOperation, tracePayload } from './log/trace.ts'
import { goDuration, nanoseconds } from './monitor/go-format.ts'
import type { Options } from './options.ts'
import type { ConnectOptions } from './protocol/handshake.ts'
import type { ParserTracer } from './protocol/parser-handler.ts'

/** What a connection's log needs of its shard. */
interface Owner {
  readonly log: Log
  readonly options: TraceOptions
}

type SlowConsumerLimits = Pick<Options, 'maxPending' | 'writeDeadline'>

export class ClientLog implements LogSource, ParserTracer {
  readonly id: number
  readonly ip: string
  readonly port: number
  private readonly owner: Owner
  private readonly forwardedFor: string | undefined
  /** `vVERSION:lang:name`, without what the client has left out; empty until it has introduced itself. */
  private introduction = ''

  /** `forwardedFor`: it came by WebSocket; the address that a proxy speaks for, or empty. */
  constructor(owner: Owner, id: number, ip: string, port: number, forwardedFor?: string) {
    this.forwardedFor = forwardedFor
    this.owner = owner
    this.id = id
    this.ip = ip
    this.port = port
  }

  /** Made anew for each line: a connection that says nothing need not keep it. */
  get label(): string {
    const { forwardedFor } = this
    const proxied = forwardedFor === undefined || forwardedFor === '' ? '' : `${bracketed(forwardedFor)}/`
    const kind = forwardedFor === undefined ? 'cid' : 'wid'
    const label = `${proxied}${hostPort(this.ip, this.port)} - ${kind}:${this.id}`
    return this.introduction === '' ? label : `${label} - ${quote(Buffer.from(this.introduction).toString('latin1'))}`
  }

  /** From now on its lines name the client as it has introduced itself. */
  introduce({ version, lang, name }: ConnectOptions): void {
    this.introduction = [version === '' ? '' : `v${version}`, lang, name].filter((part) => part !== '').join(':')
  }

  debug(text: string): void {
    this.owner.log.debug(text, this)
  }

  info(text: string): void {
    this.owner.log.info(text, this)
  }

  warn(text: string): void {
    this.owner.log.warn(text, this)
  }

  error(text: string): void {
    this.owner.log.error(text, this)
  }

  /** It is closed as a slow consumer, with so many bytes waiting. */
  cutAsSlow(reason: CloseReason, bytes: number, { maxPending, writeDeadline }: SlowConsumerLimits): void {
    const span = goDuration(nanoseconds(writeDeadline))
    const why =
      reason === CloseReason.slowConsumerPending
        ? `MaxPending of ${maxPending} Exceeded`
        : `WriteDeadline of ${span} exceeded with ${bytes} total bytes.`
    this.info(`Slow Consumer Detected: ${why}`)
  }

  /** It was turned away; `cause` holds no secret. */
  refused(cause: string): void {
    this.error(`authentication error - ${cause}`)
  }

  /** A bug of ours. */
  bug(error: unknown): void {
    this.error(bugText(error))
  }

  /** The client broke the protocol; `cause` is what the parser says of it. */
  fault(fault: Fault, cause: string): void {
    if (fault === Faults.payload) this.error(`maximum payload exceeded: ${cause}`)
    else if (fault === Faults.controlLine) this.error('maximum control line exceeded')
    else this.error(`Client parser ERROR: proto='${quote(cause)}...'`)
  }

  // ── Trace: each of these is called only while it is on ────────────────────────────────────────────────

  cameIn(verb: string, argument: string): void {
    this.owner.log.trace(`<<- ${traceOperation(verb, argument)}`, this)
  }

  messageCameIn(message: Buffer, headerSize: number): void {
    this.payload('<<-', message, headerSize)
  }

  wentOut(operation: string): void {
    this.owner.log.trace(`->> [${operation}]`, this)
  }

  /** `head` is the MSG or HMSG line without its end. */
  messageWentOut(head: string, message: Buffer, headerSize: number): void {
    this.owner.log.trace(`->> ${traceOperation(head, '')}`, this)
    this.payload('->>', message, headerSize)
  }

  subscriptionEnded(sid: string): void {
    this.owner.log.trace(`<-> ${traceOperation('DELSUB', sid)}`, this)
  }

  private payload(arrow: string, message: Buffer, headerSize: number): void {
    const text = tracePayload(message, headerSize, this.owner.options)
    if (text !== undefined) this.owner.log.trace(`${arrow} ${text}`, this)
  }
}
