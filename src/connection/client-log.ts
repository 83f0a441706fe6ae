// Lines of the log and the trace about one connection, in nats-server's wording.

import type { Identity, Refusal } from '../auth/identity.ts'
import { isPublicKey } from '../auth/nkey.ts'
import { type Credentials, HIDDEN_TOKEN } from '../auth/request.ts'
import { bracketed, hostPort } from '../base/addresses.ts'
import { bugText, CloseReason, type Fault, Faults, quote } from '../base/errors.ts'
import { goDuration, nanoseconds } from '../base/go-format.ts'
import type { Log, LogSource } from '../log/log.ts'
import { type TraceOptions, traceOperation, tracePayload } from '../log/trace.ts'
import type { Options } from '../options/options.ts'
import type { ConnectOptions } from '../protocol/handshake.ts'
import type { ParserTracer } from '../protocol/parser-tracer.ts'

/** What a connection's log needs of its shard. */
export interface ClientLogOwner {
  readonly log: Log
  readonly options: TraceOptions
  readonly admission: { accountTag(name: string): string }
}

type Named = Pick<Credentials, 'nkey' | 'user' | 'token'>

/** What is known of a client that has introduced itself. */
interface Introduced {
  readonly options: ConnectOptions
  readonly identity: Identity | undefined
}

type SlowConsumerLimits = Pick<Options, 'maxPending' | 'writeDeadline'>

export class ClientLog implements LogSource, ParserTracer {
  readonly id: number
  ip: string
  port: number
  private readonly owner: ClientLogOwner
  private readonly forwardedFor: string | undefined
  /** Its identity; undefined until it is admitted and has sent CONNECT. */
  private introduced: Introduced | undefined
  /** What its lines say of that; made for the first of them. */
  private names: string | undefined

  /** `forwardedFor`: it came by WebSocket; the address that a proxy speaks for, or empty. */
  constructor(owner: ClientLogOwner, id: number, ip: string, port: number, forwardedFor?: string) {
    this.forwardedFor = forwardedFor
    this.owner = owner
    this.id = id
    this.ip = ip
    this.port = port
  }

  /** Begins each of its lines. */
  get label(): string {
    const { forwardedFor } = this
    const proxied = forwardedFor === undefined || forwardedFor === '' ? '' : `${bracketed(forwardedFor)}/`
    const kind = forwardedFor === undefined ? 'cid' : 'wid'
    this.names ??= this.introduced && namesOf([this.program, this.user])
    return `${proxied}${hostPort(this.ip, this.port)} - ${kind}:${this.id}${this.names ?? ''}`
  }

  /** The client is elsewhere: what was taken for it is a proxy. */
  moved(ip: string, port: number): void {
    this.ip = ip
    this.port = port
  }

  /** From now on its lines name the client as it has introduced itself, and whose it is. */
  introduce(introduced: Introduced): void {
    this.introduced = introduced
  }

  /** `vVERSION:lang:name`, without what the client has left out. */
  private get program(): string {
    if (this.introduced === undefined) return ''
    const { version, lang, name } = this.introduced.options
    return [version === '' ? '' : `v${version}`, lang, name].filter((part) => part !== '').join(':')
  }

  /** `ACCOUNT/user:NAME`; empty where no credentials are required and none were sent. */
  private get user(): string {
    const { identity } = this.introduced ?? {}
    if (identity === undefined || identity.user === '') return ''
    const { account } = identity
    const tag = this.owner.admission.accountTag(account)
    return `${account}${tag === account ? '' : `/${tag}`}/${kindAndName(identity)}`
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

  /** It did something, so many times, that it may not do, and goes on. */
  violation(text: string, times = 1): void {
    this.owner.log.complaint(text, this, this, times)
  }

  /**
   * It is closed for what it did, and may come again: those of one address are counted together. Returns whether there
   * was a line for it.
   */
  complaint(text: string): boolean {
    return this.owner.log.complaint(text, this, this.ip)
  }

  /** It is a slow consumer, with so many bytes waiting; `still`: the log has said so before. */
  slowConsumer(reason: CloseReason, bytes: number, limits: SlowConsumerLimits, still: boolean): void {
    const { maxPending, writeDeadline } = limits
    const span = goDuration(nanoseconds(writeDeadline))
    const why =
      reason === CloseReason.slowConsumerPending
        ? `MaxPending of ${maxPending} Exceeded`
        : `WriteDeadline of ${span} exceeded with ${bytes} total bytes.`
    this.info(`Slow Consumer ${still ? 'State' : 'Detected'}: ${why}`)
  }

  /** It was refused. `credentials` are what it sent; a token is not shown. */
  refused({ cause, warns = false, certified }: Omit<Refusal, 'fault'>, credentials: Named): void {
    const whom = named(certified === undefined ? credentials : { ...credentials, user: certified })
    const isWritten = this.complaint(`authentication error${whom === '' ? '' : ` - ${whom}`}`)
    if (warns && isWritten) this.owner.log.warn(cause)
    else this.debug(`Not let in: ${cause}`)
  }

  /** Its certificate says who it is, and it sent a name as well. */
  namedBesideCertificate(user: string): void {
    const text = `User ${quoteText(user)} found in connect proto, but user required from cert`
    this.owner.log.complaint(text, undefined, this.ip, 1, 'warn')
  }

  /** A bug. */
  bug(error: unknown): void {
    this.error(bugText(error))
  }

  /** The client broke the protocol; `cause` is what the parser says of it. */
  fault(fault: Fault, cause: string): void {
    if (fault === Faults.payload) this.complaint(`maximum payload exceeded: ${cause}`)
    else if (fault === Faults.controlLine) this.complaint('maximum control line exceeded')
    else this.complaint(`Client parser ERROR: proto='${quote(cause)}...'`)
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

function named({ nkey, user, token }: Named): string {
  if (nkey !== '') return `Nkey ${quoteText(nkey)}`
  if (user !== '') return `User ${quoteText(user)}`
  return token === '' ? '' : `Token ${quote(HIDDEN_TOKEN)}`
}

function kindAndName({ way, user, token }: Identity): string {
  if (user === HIDDEN_TOKEN) return 'token'
  if (way === 'jwt' && token !== undefined) return `jwt:${token.subject}`
  return `${isPublicKey(user, 'user') ? 'nkey' : 'user'}:${user}`
}

const namesOf = (names: readonly string[]): string =>
  names
    .filter((name) => name !== '')
    .map((name) => ` - ${quoteText(name)}`)
    .join('')

const quoteText = (text: string): string => quote(Buffer.from(text).toString('latin1'))
