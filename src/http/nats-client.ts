// The client of this shard that acts for an HTTP connection. It speaks the NATS protocol through a pipe, so that login,
// permissions, limits, counters and events are those of every client. One operation at a time.
//
//     publish    PUB, PING                       ──▶ PONG, or -ERR before it
//     request    SUB, UNSUB 1, PUB, PING         ──▶ PONG, and MSG (or 503) in time
//     subscribe  SUB, PING                       ──▶ PONG, then MSG …

import { Deadline } from '../base/deadline.ts'
import type { Msg, ServerInfo } from '../client/api.ts'
import type { Auth } from '../client/authenticator.ts'
import { bytesOf } from '../client/bytes.ts'
import { deferred } from '../client/deferred.ts'
import { ConnectionError } from '../client/errors.ts'
import { createInbox } from '../client/inbox.ts'
import { Link, type LinkOwner } from '../client/link.ts'
import { MsgImpl, type Responder } from '../client/msg.ts'
import { completeOptions } from '../client/options.ts'
import type { Parser } from '../client/parser.ts'
import { asError, serverError } from '../client/reasons.ts'
import { parseServer } from '../client/servers.ts'
import type { Carrier } from '../client/transport.ts'
import { isProblem, type Problem, Problems, problemOf } from './problems.ts'

/** What CONNECT says. */
export interface Introduction {
  readonly auth: Auth
  /** Shown by the monitoring pages. */
  readonly name: string
}

/** A message to publish. */
export interface Outgoing {
  readonly subject: string
  /** The block of headers, with the empty line at its end; undefined: none. */
  readonly headers: Uint8Array | undefined
  readonly payload: Uint8Array
}

const PING = 'PING\r\n'
const INBOX = '_INBOX'
/** Nobody dials it: the pipe leads to one server. */
const HERE = parseServer('127.0.0.1', 'nats')

/** Messages are not answered from here. */
const NOBODY: Responder = { publish: () => undefined }

/** An operation up to its PONG. */
interface Round {
  /** What the server refused of it. */
  refusal: Error | undefined
  readonly over: () => void
}

export class NatsClient implements LinkOwner {
  private link: Link | undefined
  private info: ServerInfo | undefined
  private lastSid = 0
  /** Operations whose PONG has not come, in their order. */
  private readonly rounds: Round[] = []
  private onMessage: ((message: MsgImpl) => void) | undefined
  /** Called at the end, where a request waits. */
  private onEnded: ((error: Error) => void) | undefined
  private ended: Error | undefined
  private readonly onEnd: () => void

  /** Logs in through what `dial` makes. `onEnd` is called once when a client that has logged in has ended. */
  static async open(
    introduction: Introduction,
    dial: Carrier['dial'],
    onEnd: () => void,
  ): Promise<NatsClient | Problem> {
    const { auth, name } = introduction
    const client = new NatsClient(onEnd)
    const options = completeOptions({ name, authenticator: () => auth })
    const carrier: Carrier = { scheme: 'nats', lang: 'heddle.http', dial }
    const { signal } = new AbortController()
    try {
      const link = await Link.open({ server: HERE, carrier, options, owner: client, signal })
      client.link = link
      client.info = link.info
      link.start()
      // It may have ended before it was started, and then has told nobody.
      link.over.then(() => client.linkEnded(link, undefined)).catch(onEnd)
      return client
    } catch (error) {
      return problemOf(asError(error))
    }
  }

  private constructor(onEnd: () => void) {
    this.onEnd = onEnd
  }

  /** The most bytes that headers and payload may have together. */
  get payloadMax(): number {
    return this.info?.max_payload ?? 0
  }

  get hasHeaders(): boolean {
    return this.info?.headers === true
  }

  /** Why it has ended; undefined: it has not. */
  get end(): Problem | undefined {
    return this.ended && problemOf(this.ended)
  }

  /** Ends it when what it said has been processed. */
  close(): void {
    this.link?.close()
  }

  // ── Operations ────────────────────────────────────────────────────────────────────────────────────────────

  /** Undefined: the message was published. */
  publish(message: Outgoing): Promise<Problem | undefined> {
    return this.round(publishOf(message, ''))
  }

  async request(message: Outgoing, timeoutMs: number): Promise<Msg | Problem> {
    const sid = ++this.lastSid
    const inbox = createInbox(INBOX)
    const { promise, resolve, reject } = deferred<Msg | Problem>()
    const deadline = new Deadline()
    deadline.start(timeoutMs, () => resolve(Problems.timeout(timeoutMs)))
    this.onMessage = (reply) => resolve(reply.isNoResponders ? Problems.noResponders(message.subject) : reply)
    this.onEnded = (error) => resolve(problemOf(error))
    const subscribe = bytesOf(`SUB ${inbox} ${sid}\r\nUNSUB ${sid} 1\r\n`)
    const refused = (problem: Problem | undefined): void => problem && resolve(problem)
    this.round([subscribe, ...publishOf(message, inbox)]).then(refused, reject)
    const answer = await promise
    deadline.stop()
    this.onMessage = undefined
    this.onEnded = undefined
    if (isProblem(answer)) this.write([bytesOf(`UNSUB ${sid}\r\n`)])
    return answer
  }

  /** Undefined: it is subscribed, and `onMessage` gets the messages until the client is closed. */
  subscribe(filter: string, queue: string, onMessage: (message: Msg) => void): Promise<Problem | undefined> {
    this.onMessage = onMessage
    return this.round([bytesOf(`SUB ${filter} ${queue === '' ? '' : `${queue} `}${++this.lastSid}\r\n`)])
  }

  private async round(pieces: readonly Uint8Array[]): Promise<Problem | undefined> {
    const { promise, resolve } = deferred()
    const round: Round = { refusal: undefined, over: resolve }
    this.rounds.push(round)
    this.write([...pieces, bytesOf(PING)])
    if (this.ended === undefined) await promise
    const error = round.refusal ?? this.ended
    return error && problemOf(error)
  }

  private write(pieces: readonly Uint8Array[]): void {
    if (this.ended === undefined) this.link?.transport.write(Buffer.concat(pieces), () => undefined)
  }

  // ── What the server says ──────────────────────────────────────────────────────────────────────────────────

  processMsg(parser: Parser): void {
    if (parser.sid === this.lastSid) this.onMessage?.(new MsgImpl(NOBODY, parser, ''))
  }

  processPing(): void {
    this.write([bytesOf('PONG\r\n')])
  }

  processPong(): void {
    this.rounds.shift()?.over()
  }

  processOk(): void {}

  processInfo(json: string): void {
    this.info = JSON.parse(json) as ServerInfo
  }

  /** An error that is about no operation is about what was allowed before: a subscription that a reload removed. */
  processErr(text: string): void {
    const error = serverError(text)
    const [round] = this.rounds
    if (round === undefined) this.finish(error)
    else round.refusal ??= error
  }

  linkEnded(_: Link, error: Error | undefined): void {
    this.finish(error ?? new ConnectionError('the server closed the connection'))
  }

  private finish(error: Error): void {
    if (this.ended !== undefined) return
    this.ended = error
    for (const { over } of this.rounds.splice(0)) over()
    this.onEnded?.(error)
    this.link?.close()
    this.onEnd()
  }
}

function publishOf({ subject, headers, payload }: Outgoing, reply: string): Uint8Array[] {
  const to = reply === '' ? subject : `${subject} ${reply}`
  const size = payload.length
  if (headers === undefined) return [bytesOf(`PUB ${to} ${size}\r\n`), payload, bytesOf('\r\n')]
  const line = `HPUB ${to} ${headers.length} ${headers.length + size}\r\n`
  return [bytesOf(line), headers, payload, bytesOf('\r\n')]
}
