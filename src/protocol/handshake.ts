// INFO and CONNECT: the JSON messages by which server and client introduce themselves (docs/reference/handshake.md,
// "INFO").

import { API_LEVEL, NATS_VERSION, PROTOCOL_VERSION } from '../base/constants.ts'

/** The members of INFO for every connection of a server; a connection adds its own number and address. */
export interface ServerIdentity {
  readonly serverId: string
  readonly serverName: string
  /** Where clients are to connect: what is listened on, or what is advertised instead. */
  readonly host: string
  readonly port: number
  readonly headers: boolean
  readonly maxPayload: number
  /** What WebSocket clients are told instead. */
  readonly webSocket?: Pick<ServerIdentity, 'host' | 'port'> | undefined
  /** It has streams, in this domain; empty: in none. */
  readonly streams?: { readonly domain: string } | undefined
  /** The server is about to end: clients should look for another one. */
  readonly lameDuck: boolean
  /** The cluster that it is a member of. */
  readonly cluster?: ClusterIdentity | undefined
  /** Where leaf nodes come: the port, and the addresses that they are told. */
  readonly leaf?: { readonly host: string; readonly port: number; readonly urls: readonly string[] } | undefined
  /** Addresses of all servers of the cluster, for clients; undefined: none are told. */
  readonly connectUrls?: readonly string[] | undefined
}

/** What a server says of itself to other servers of its cluster. */
export interface ClusterIdentity {
  readonly name: string
  /** The name was made up, and is given up for that of another server. */
  readonly isDynamic: boolean
  /** Where other servers are to connect; `ip`: the URL that it announces, or empty. */
  readonly host: string
  readonly port: number
  readonly ip: string
  /** Its own addresses for clients. */
  readonly ownUrls: readonly string[]
}

/** The further members of INFO for one connection. */
export interface Hello {
  readonly authRequired: boolean
  /** Empty: none. */
  readonly nonce: string
  /** undefined: the server has no TLS. */
  readonly tls?: { readonly required: boolean; readonly verify: boolean; readonly available: boolean } | undefined
  /** In those after the first PONG. */
  readonly account?: string
  /** … and whether that is the system's. */
  readonly isSystem?: boolean
  /** The bound that holds for this connection, if it is another than the server's. */
  readonly maxPayload?: number
}

/**
 * The part of INFO that is equal for all clients, without the closing brace; a storm of connects would compose it each
 * time.
 */
const openings = new WeakMap<ServerIdentity, string>()

function openingOf(identity: ServerIdentity): string {
  let opening = openings.get(identity)
  if (opening === undefined) {
    const members = {
      server_id: identity.serverId,
      server_name: identity.serverName,
      version: NATS_VERSION,
      proto: PROTOCOL_VERSION,
      go: `node ${process.version}`,
      host: identity.host,
      port: identity.port,
      ...(identity.headers ? { headers: true } : {}),
      ...(identity.streams === undefined ? {} : { jetstream: true, api_lvl: API_LEVEL }),
      ...(identity.cluster === undefined ? {} : { cluster: identity.cluster.name }),
      ...(identity.streams?.domain ? { domain: identity.streams.domain } : {}),
    }
    opening = `INFO ${JSON.stringify(members).slice(0, -1)}`
    openings.set(identity, opening)
  }
  return opening
}

/** INFO for one connection. */
export function encodeInfo(
  identity: ServerIdentity,
  clientId: number,
  clientIp: string | undefined,
  hello: Hello,
): Buffer {
  const info: Record<string, string | number | boolean | readonly string[]> = {
    max_payload: hello.maxPayload ?? identity.maxPayload,
    client_id: clientId,
  }
  if (clientIp !== undefined) info['client_ip'] = clientIp
  if (identity.connectUrls !== undefined) info['connect_urls'] = identity.connectUrls
  if (identity.lameDuck) info['ldm'] = true
  if (hello.authRequired) info['auth_required'] = true
  if (hello.tls?.required) info['tls_required'] = true
  if (hello.tls?.verify) info['tls_verify'] = true
  if (hello.tls?.available) info['tls_available'] = true
  if (hello.nonce !== '') info['nonce'] = hello.nonce
  if (hello.account !== undefined) {
    info['connect_info'] = true
    info['remote_account'] = hello.account
    if (hello.isSystem) info['acc_is_sys'] = true
  }
  // A blank precedes the line end, as it always has for clients.
  return Buffer.from(`${openingOf(identity)},${JSON.stringify(info).slice(1)} \r\n`)
}

/** The members of CONNECT that we act upon, with the defaults of a client that has not sent one. */
export interface ConnectOptions {
  verbose: boolean
  pedantic: boolean
  echo: boolean
  headers: boolean
  noResponders: boolean
  protocol: number
  name: string
  lang: string
  version: string
  /** Its credentials (src/auth/request.ts: Credentials). */
  user: string
  password: string
  token: string
  jwt: string
  nkey: string
  signature: string
  proxySignature: string
  /** Set by clients of a long gone experiment; naming an account is refused. */
  account: string
  newAccount: boolean
}

export function defaultConnectOptions(): ConnectOptions {
  return {
    verbose: true,
    pedantic: true,
    echo: true,
    headers: false,
    noResponders: false,
    protocol: 0,
    name: '',
    lang: '',
    version: '',
    user: '',
    password: '',
    token: '',
    jwt: '',
    nkey: '',
    signature: '',
    proxySignature: '',
    account: '',
    newAccount: false,
  }
}
