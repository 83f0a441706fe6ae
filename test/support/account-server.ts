// A web server with account tokens, for servers that get them by `resolver: URL(…)`.

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

const PATH = '/jwt/v1/accounts/'

export class AccountServer {
  /** Answers in place of the tokens, where there is one for the account. */
  readonly special = new Map<string, RequestListener>()
  /** The accounts that it was asked for, in order; empty: whether it is there. */
  readonly asked: string[] = []
  /** Requests at once, at most. */
  busiest = 0
  readonly url: string
  private readonly server: Server
  private busy = 0

  private constructor(server: Server, scheme: string) {
    this.server = server
    this.url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`
  }

  /** Serves tokens on a free port until the test ends. */
  static async start(tokens: ReadonlyMap<string, string>, tls?: ServerOptions): Promise<AccountServer> {
    const it = await AccountServer.serve(tokens, tls)
    onTestFinished(() => it.stop())
    return it
  }

  /** The same until it is stopped. */
  static async serve(tokens: ReadonlyMap<string, string>, tls?: ServerOptions): Promise<AccountServer> {
    const listener: RequestListener = (request, response) => it.answer(tokens, request, response)
    const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const it = new AccountServer(server, tls === undefined ? 'http' : 'https')
    return it
  }

  stop(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private answer(tokens: ReadonlyMap<string, string>, ...[request, response]: Parameters<RequestListener>): void {
    const key = (request.url ?? '').slice(PATH.length)
    this.asked.push(key)
    this.busiest = Math.max(this.busiest, ++this.busy)
    response.once('close', () => this.busy--)
    const special = this.special.get(key)
    const jwt = tokens.get(key)
    if (special !== undefined) special(request, response)
    else if (key === '') response.end('hello')
    else response.writeHead(jwt === undefined ? 404 : 200).end(jwt)
  }
}
