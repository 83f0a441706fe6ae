// One HTTP connection. It is one client of the server, with the credentials of its requests: another user's request
// over it logs in anew. Requests are answered one after the other, in their order.
//
//     request ──▶ origin? ──▶ wish ──▶ login, unless it is there ──▶ publish, request or stream ──▶ answer
//
// When the server closes the client (a reload, an eviction, a slow reader), the connection ends behind its answer.

import assert from 'node:assert/strict'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { HTTP_FIRST_HEAD_MS, HTTP_NEXT_HEAD_MS, HTTP_PIPELINED_MAX } from '../base/constants.ts'
import { Deadline } from '../base/deadline.ts'
import { attempt } from '../base/guarded.ts'
import type { Carrier } from '../client/transport.ts'
import type { HttpGatewayOptions } from '../options/shapes.ts'
import type { OriginPolicy } from '../text/origin.ts'
import { forgetRest, isNearlyRead, readBody } from './body.ts'
import { readCredentials } from './credentials.ts'
import { beginning, endOf, eventOf, HEARTBEAT } from './event-stream.ts'
import { toHttp, toMessage } from './message-headers.ts'
import { NatsClient, type Outgoing } from './nats-client.ts'
import { isProblem, type Problem, Problems } from './problems.ts'
import { readWish, type Wish } from './wish.ts'

/** What a connection needs of the gateway. */
export interface ConnectionOwner {
  readonly options: HttpGatewayOptions
  readonly origins: OriginPolicy
  readonly isOperatorMode: boolean
  /** Makes a client of the server for this connection. `gone` is called when the server has forgotten it. */
  dial(connection: HttpConnection, gone: () => void): Carrier['dial']
  bugMet(error: unknown): void
}

/** A client, and the header by which it logged in. */
interface LoggedIn {
  readonly by: string | undefined
  readonly client: NatsClient
}

const NAME_MAX = 64
const ENDING = Problems.unavailable('the server is closing the connection')
/** For every answer: none is to be kept, taken for a page, or run as one. */
const ALWAYS: OutgoingHttpHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'X-Content-Type-Options': 'nosniff',
}

export class HttpConnection {
  readonly socket: Socket
  private readonly owner: ConnectionOwner
  private loggedIn: LoggedIn | undefined
  /** Resolves when the server has forgotten the client before. */
  private forgotten: Promise<void> = Promise.resolve()
  private latest: Promise<void> = Promise.resolve()
  private waiting = 0
  /** Nothing is answered after what is being answered now. */
  private isEnding = false
  private readonly deadline = new Deadline()
  /** Ends the stream of events that is open. */
  private endStream: (() => void) | undefined

  constructor(owner: ConnectionOwner, socket: Socket) {
    this.owner = owner
    this.socket = socket
    this.awaitHead(HTTP_FIRST_HEAD_MS)
    socket.on('close', () => this.closed())
  }

  private awaitHead(ms: number): void {
    this.deadline.start(ms, () => this.socket.destroy())
  }

  private closed(): void {
    this.isEnding = true
    this.deadline.stop()
    this.loggedIn?.client.close()
  }

  /** Ends it behind the answer under way. */
  end(): void {
    this.isEnding = true
    this.endStream?.()
    if (this.waiting === 0) this.socket.destroySoon()
  }

  /** A request has come. */
  take(request: IncomingMessage, response: ServerResponse): void {
    if (++this.waiting > HTTP_PIPELINED_MAX) {
      this.socket.destroy()
      return
    }
    this.deadline.stop()
    // What goes wrong with the socket is known from its end.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const failed = (error: unknown): void => {
      this.owner.bugMet(error)
      this.isEnding = true
      if (response.headersSent) this.socket.destroy()
      else this.send(response, Problems.internal.status, {}, jsonOf(Problems.internal))
    }
    this.latest = this.latest.then(async () => {
      await this.answer(request, response).catch(failed)
      this.waiting--
      if (this.waiting > 0 || this.socket.destroyed) return
      if (this.isEnding) this.socket.destroySoon()
      // If it is ending, that is the time that the peer has to read the rest.
      this.awaitHead(HTTP_NEXT_HEAD_MS)
    })
    attempt(this.owner.bugMet, () => this.latest)
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.socket.destroyed) return
    const { origin } = request.headers
    const isAllowed = origin === undefined || this.owner.origins.isListed(origin)
    if (origin !== undefined && isAllowed) allowOrigin(response, origin)
    const done = isAllowed ? await this.carryOut(request, response) : Problems.origin
    if (done !== undefined) await this.refuse(request, response, done)
  }

  /** Returns why it is not carried out. */
  private async carryOut(request: IncomingMessage, response: ServerResponse): Promise<Problem | undefined> {
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) {
      this.preflight(request, response)
      return undefined
    }
    const wish = readWish(request, this.owner.options.requestTimeout)
    if (isProblem(wish)) return wish
    const client = await this.login(request)
    if (isProblem(client)) return client
    return wish.kind === 'stream'
      ? this.stream(client, wish, request, response)
      : this.publish(client, wish, request, response)
  }

  // ── The client ────────────────────────────────────────────────────────────────────────────────────────────

  private async login({ headers }: IncomingMessage): Promise<NatsClient | Problem> {
    const { authorization, 'user-agent': agent = '' } = headers
    const { loggedIn } = this
    if (loggedIn !== undefined && loggedIn.by === authorization && loggedIn.client.end === undefined) {
      return loggedIn.client
    }
    const credentials = readCredentials(authorization, this.owner.isOperatorMode)
    if (isProblem(credentials)) return credentials
    this.loggedIn = undefined
    loggedIn?.client.close()
    await this.forgotten
    if (this.isEnding) return ENDING
    const { promise, resolve } = Promise.withResolvers<void>()
    this.forgotten = promise
    const introduction = { auth: credentials.auth, name: agent.slice(0, NAME_MAX) }
    const client = await NatsClient.open(introduction, this.owner.dial(this, resolve), () => {
      // Unless it was closed for another user's sake.
      if (this.loggedIn?.client.end !== undefined) this.end()
    })
    if (isProblem(client)) {
      this.isEnding = true
      return client
    }
    if (this.isEnding) client.close()
    this.loggedIn = { by: authorization, client }
    return client.end ?? client
  }

  // ── Publishing ────────────────────────────────────────────────────────────────────────────────────────────

  private async publish(
    client: NatsClient,
    wish: Exclude<Wish, { kind: 'stream' }>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Problem | undefined> {
    const headers = toMessage(request.rawHeaders)
    if (headers !== undefined && isProblem(headers)) return headers
    if (headers !== undefined && !client.hasHeaders)
      return Problems.badRequest('message headers are disabled on this server')
    const block = headers?.encode()
    const room = client.payloadMax - (block?.length ?? 0)
    const body = room < 0 ? 'tooLarge' : await readBody(request, response, room)
    if (body === 'gone') return undefined
    if (body === 'late') return Problems.late
    if (body === 'tooLarge') return Problems.payload(client.payloadMax)
    const message: Outgoing = { subject: wish.subject, headers: block, payload: body }
    if (wish.kind === 'publish') {
      const problem = await client.publish(message)
      if (problem === undefined) this.send(response, 204, {})
      return problem
    }
    const answer = await client.request(message, wish.timeoutMs)
    if (isProblem(answer)) return answer
    this.send(response, 200, { 'Content-Type': 'application/octet-stream', ...toHttp(answer.headers) }, answer.data)
    return undefined
  }

  // ── Streams of events ─────────────────────────────────────────────────────────────────────────────────────

  private async stream(
    client: NatsClient,
    { filter, queue }: Extract<Wish, { kind: 'stream' }>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Problem | undefined> {
    // The connection is this stream's from here on, and so is the client: what comes first may come before the PONG.
    const early: string[] = []
    let write = (text: string): unknown => early.push(text)
    const problem = await client.subscribe(filter, queue, (message) => write(eventOf(message)))
    if (problem !== undefined) return problem
    this.isEnding = true
    if (response.destroyed) return undefined
    response.writeHead(200, { ...ALWAYS, 'Content-Type': 'text/event-stream', Connection: 'close' })
    write = (text) => response.write(text)
    write(beginning(request.headers['last-event-id'] !== undefined) + early.join(''))
    const heartbeat = setInterval(() => {
      if (this.socket.writableLength === 0) response.write(HEARTBEAT)
    }, this.owner.options.heartbeat)
    await new Promise<void>((resolve) => {
      this.endStream = resolve
      response.once('close', resolve)
      // It may have ended since it was subscribed.
      if (client.end !== undefined) resolve()
    })
    clearInterval(heartbeat)
    write = () => undefined
    response.end(endOf(client.end ?? ENDING))
    client.close()
    return undefined
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────

  private preflight({ headers }: IncomingMessage, response: ServerResponse): void {
    const wanted = headers['access-control-request-headers']
    this.send(response, 204, {
      'Access-Control-Allow-Methods': 'GET, POST',
      ...(wanted === undefined ? {} : { 'Access-Control-Allow-Headers': wanted }),
      'Access-Control-Max-Age': '600',
    })
  }

  private async refuse(request: IncomingMessage, response: ServerResponse, problem: Problem): Promise<void> {
    if (response.destroyed) return
    assert(!response.headersSent, 'a request is refused that has been answered')
    const goesOn = isNearlyRead(request)
    if (!goesOn) this.isEnding = true
    const body = jsonOf(problem)
    const headers = { ...problem.headers, 'Content-Type': 'application/json' }
    // Who waits to be told to go on says nothing more.
    if (goesOn || request.headers.expect !== undefined) {
      this.send(response, problem.status, headers, body)
      return
    }
    response.writeHead(problem.status, this.headersOf(headers, body))
    response.write(body)
    await forgetRest(request)
    response.end()
  }

  private send(response: ServerResponse, status: number, headers: OutgoingHttpHeaders, body?: Uint8Array): void {
    if (response.destroyed) return
    response.writeHead(status, this.headersOf(headers, body))
    response.end(body)
  }

  private headersOf(headers: OutgoingHttpHeaders, body: Uint8Array | undefined): OutgoingHttpHeaders {
    return {
      ...ALWAYS,
      ...headers,
      ...(body === undefined ? {} : { 'Content-Length': body.length }),
      ...(this.isEnding ? { Connection: 'close' } : {}),
    }
  }
}

function jsonOf({ code, text }: Problem): Buffer {
  return Buffer.from(`${JSON.stringify({ code, error: text })}\n`)
}

/** A page of this origin may read the answer. Credentials that a browser keeps are not for it. */
function allowOrigin(response: ServerResponse, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Expose-Headers', '*')
  response.setHeader('Vary', 'Origin')
}
