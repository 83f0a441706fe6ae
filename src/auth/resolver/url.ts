// Account tokens from a web server (`resolver: URL(…)`, docs/reference/configuration-blocks.md, "Operators and
// resolvers"): GET of the URL, the account's key behind it.
//
// Fetched tokens are kept here until they expire, for all shards, as in nats-server: users of a known account can log
// in while the web server is down. Only tokens signed by the operator are kept.
//
// Any client can send a token that names an account, so strangers decide how often we ask
// (docs/reference/reliability.md, "Chosen by the server"): one request per account at a time, none for a second after a
// failure, and a bounded number of sockets. A redirection is followed within the configured origin only: the answer of
// a web server must not lead to other parts of the network.

import * as http from 'node:http'
import * as https from 'node:https'
import { isDeepStrictEqual } from 'node:util'
import {
  ACCOUNT_FETCH_MS,
  ACCOUNT_FETCH_SLOW_MS,
  ACCOUNT_FETCHES_MAX,
  ACCOUNT_MISSING_MAX,
  ACCOUNT_MISSING_MS,
  ACCOUNT_REDIRECTS_MAX,
  ACCOUNT_SOCKET_IDLE_MS,
} from '../../base/constants.ts'
import { durationText } from '../../base/duration.ts'
import { osErrorText, quote } from '../../base/errors.ts'
import { splitUrl } from '../../text/url.ts'
import type { RemoteTls } from '../../tls/remote.ts'
import { decodeAccount } from '../jwt/account.ts'
import { AccountBook, type TrustedSigners } from '../jwt/account-book.ts'
import { type Invalid, invalid, isInvalid, TOKEN_MAX } from '../jwt/token.ts'
import type { Soon } from '../request.ts'
import type { AccountResolver } from './resolver.ts'

export interface UrlResolverOptions {
  readonly url: string
  readonly tls: RemoteTls
  /** Whose accounts are kept. */
  readonly trusted: TrustedSigners
  /** For the log. */
  readonly warn: (text: string) => void
}

/** Something went wrong that is no error of the network; the message is for the log. */
class FetchError extends Error {}

export class UrlResolver implements AccountResolver {
  /** All keys are appended to it. */
  private readonly base: string
  private readonly madeOf: Pick<UrlResolverOptions, 'url' | 'tls'>
  private readonly warn: (text: string) => void
  private readonly agents: { readonly 'http:': http.Agent; readonly 'https:': https.Agent }
  private readonly book: AccountBook
  /** Until when accounts are taken to be missing, oldest first: there was none a moment ago, or no answer came. */
  private readonly missing = new Map<string, number>()

  constructor({ url, tls, trusted, warn }: UrlResolverOptions) {
    this.base = url.endsWith('/') ? url : `${url}/`
    this.madeOf = { url, tls }
    this.warn = warn
    this.book = new AccountBook(trusted, (key) => this.ask(key))
    const pool = { keepAlive: true, maxSockets: ACCOUNT_FETCHES_MAX, timeout: ACCOUNT_SOCKET_IDLE_MS }
    this.agents = { 'http:': new http.Agent(pool), 'https:': new https.Agent({ ...pool, ...tls }) }
  }

  /** Whether another one would do the same. */
  isMadeOf(url: string, tls: RemoteTls): boolean {
    return isDeepStrictEqual(this.madeOf, { url, tls })
  }

  /**
   * Whether the web server is there: the URL itself is requested, and has to be found. Returns why not. Never rejects.
   */
  async check(): Promise<Invalid | undefined> {
    const answer = await this.fetch('', async () => '')
    return typeof answer === 'string' ? undefined : answer
  }

  async lookup(key: string): Promise<string | undefined> {
    const account = await this.book.lookup(key, Date.now())
    return isInvalid(account) ? undefined : account.jwt
  }

  async storeNewer(key: string, jwt: string): Promise<Invalid | undefined> {
    const there = this.book.get(key)
    const account = decodeAccount(jwt)
    if (isInvalid(account)) return account
    if (there !== undefined && there.claims.issuedAt > account.claims.issuedAt) return undefined
    const taken = this.book.update(key, jwt, Date.now())
    return isInvalid(taken) ? taken : undefined
  }

  /** Callers that still wait for an answer get none. */
  close(): void {
    this.agents['http:'].destroy()
    this.agents['https:'].destroy()
  }

  /** Asks for a token, unless there was none a moment ago. */
  private ask(key: string): Soon<string | undefined> {
    const nowMs = performance.now()
    for (const [old, untilMs] of this.missing) {
      if (untilMs > nowMs && this.missing.size <= ACCOUNT_MISSING_MAX) break
      this.missing.delete(old)
    }
    return this.missing.has(key) ? undefined : this.fetchToken(key, nowMs)
  }

  private async fetchToken(key: string, startMs: number): Promise<string | undefined> {
    const answer = await this.fetch(key, readToken)
    const endMs = performance.now()
    const took = endMs - startMs
    if (took > ACCOUNT_FETCH_SLOW_MS) this.warn(`Account [${key}] fetch took ${durationText(Math.round(took))}`)
    if (typeof answer === 'string') return answer
    this.warn(`Account fetch failed: ${answer.invalid}`)
    this.missing.set(key, endMs + ACCOUNT_MISSING_MS)
    return undefined
  }

  /** What `read` makes of the answer to a GET, or what went wrong, in nats-server's words. */
  private async fetch(
    key: string,
    read: (response: http.IncomingMessage) => Promise<string>,
  ): Promise<string | Invalid> {
    const text = this.base + key
    const url = URL.canParse(text) ? new URL(text) : undefined
    const signal = AbortSignal.timeout(ACCOUNT_FETCH_MS)
    let isAnswered = false
    try {
      if (url === undefined) throw new FetchError('unsupported protocol scheme ""')
      const response = await this.get(url, signal)
      isAnswered = true
      try {
        if (response.statusCode === 200) return await read(response)
        return invalid(`could not fetch <${shown(text, 'xxxxx')}>: ${statusOf(response)}`)
      } finally {
        response.destroy()
      }
    } catch (error) {
      const phase = isAnswered ? 'or context cancellation while reading body' : 'exceeded while awaiting headers'
      const why = signal.aborted ? `context deadline exceeded (Client.Timeout ${phase})` : networkErrorText(error)
      return invalid(isAnswered ? why : `could not fetch <${shown(text, 'xxxxx')}>: Get ${shown(text, '***')}: ${why}`)
    }
  }

  /** The head of the answer, after redirections. Rejects. */
  private async get(configured: URL, signal: AbortSignal): Promise<http.IncomingMessage> {
    let url = configured
    for (let redirects = 0; ; redirects++) {
      const response = await this.request(url, signal)
      const { statusCode = 0, headers } = response
      if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return response
      response.destroy()
      if (!URL.canParse(headers.location, url)) throw new FetchError('failed to parse Location header')
      const next = new URL(headers.location, url)
      if (next.origin !== configured.origin) throw new FetchError('redirected to another server')
      if (redirects + 1 >= ACCOUNT_REDIRECTS_MAX) {
        throw new FetchError(`stopped after ${ACCOUNT_REDIRECTS_MAX} redirects`)
      }
      // The credentials of the configured URL are for all of its origin.
      next.username = configured.username
      next.password = configured.password
      url = next
    }
  }

  private request(url: URL, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { protocol } = url
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new FetchError(`unsupported protocol scheme ${quote(protocol.slice(0, -1))}`)
    }
    const { get } = protocol === 'http:' ? http : https
    return new Promise((resolve, reject) => {
      get(url, { agent: this.agents[protocol], signal }, resolve).on('error', reject)
    })
  }
}

async function readToken(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    size += chunk.length
    if (size > TOKEN_MAX) throw new FetchError(`answer is longer than ${TOKEN_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8').trim()
}

/** The phrase is the standard's, not the peer's. */
function statusOf({ statusCode = 0 }: http.IncomingMessage): string {
  return `${statusCode} ${http.STATUS_CODES[statusCode] ?? ''}`.trim()
}

/** A URL, quoted, with something else for its password. */
function shown(url: string, password: string): string {
  const parts = splitUrl(url)
  if (parts === undefined) return quote(url)
  const { scheme, authority, rest } = parts
  const at = authority.lastIndexOf('@')
  const colon = authority.indexOf(':')
  const hasPassword = colon >= 0 && colon < at
  return quote(hasPassword ? `${scheme}://${authority.slice(0, colon)}:${password}${authority.slice(at)}${rest}` : url)
}

interface NetworkError extends NodeJS.ErrnoException {
  readonly hostname?: string
  readonly address?: string
  readonly port?: number
  /** OpenSSL's. */
  readonly reason?: string
}

/** What went wrong on the way, as Go words it. */
function networkErrorText(error: unknown): string {
  if (error instanceof FetchError) return error.message
  const { syscall, code, hostname, address, port, reason } = error as NetworkError
  if (syscall === 'getaddrinfo') return `dial tcp: lookup ${hostname}: no such host`
  if (syscall === 'connect') return `dial tcp ${address}:${port}: ${osErrorText(error)}`
  if (code === 'ECONNRESET') return 'EOF'
  return reason ?? (error instanceof Error ? error.message : String(error))
}
