// INFO and CONNECT: the two JSON messages with which server and client introduce themselves (reference 8).

import { NATS_VERSION, PROTOCOL_VERSION } from '../constants.ts'

/** What every connection of a server is told; a connection adds its own number and address. */
export interface ServerIdentity {
  readonly serverId: string
  readonly serverName: string
  /** Where clients are to connect: what is listened on, or what is advertised instead. */
  readonly host: string
  readonly port: number
  readonly headers: boolean
  readonly maxPayload: number
  /** What those who come by WebSocket are told instead. */
  readonly webSocket?: Pick<ServerIdentity, 'host' | 'port'> | undefined
  /** The server is about to end: clients should look for another one. */
  readonly lameDuck: boolean
}

/** What one connection is told in INFO beside that. */
export interface Hello {
  readonly authRequired: boolean
  /** Empty: none. */
  readonly nonce: string
  /** undefined: the server has no TLS. */
  readonly tls?: { readonly required: boolean; readonly verify: boolean; readonly available: boolean } | undefined
  /** In those after the first PONG. */
  readonly account?: string
  /** The bound that holds for this connection, if it is another than the server's. */
  readonly maxPayload?: number
}

/** INFO for one connection. */
export function encodeInfo(identity: ServerIdentity, clientId: number, clientIp: string, hello: Hello): Buffer {
  const info: Record<string, string | number | boolean | readonly string[]> = {
    server_id: identity.serverId,
    server_name: identity.serverName,
    version: NATS_VERSION,
    proto: PROTOCOL_VERSION,
    go: `node ${process.version}`,
    host: identity.host,
    port: identity.port,
    ...(identity.headers ? { headers: true } : {}),
    max_payload: hello.maxPayload ?? identity.maxPayload,
    client_id: clientId,
    client_ip: clientIp,
  }
  if (identity.lameDuck) info['ldm'] = true
  if (hello.authRequired) info['auth_required'] = true
  if (hello.tls?.required) info['tls_required'] = true
  if (hello.tls?.verify) info['tls_verify'] = true
  if (hello.tls?.available) info['tls_available'] = true
  if (hello.nonce !== '') info['nonce'] = hello.nonce
  if (hello.account !== undefined) {
    info['connect_info'] = true
    info['remote_account'] = hello.account
  }
  // A blank stands before the line end, as clients have always seen it.
  return Buffer.from(`INFO ${JSON.stringify(info)} \r\n`)
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
  /** Who it says it is (src/auth/request.ts: Credentials). */
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

type Kind = 'boolean' | 'string' | 'integer'
/** Wire name → our name and type. Members of features to come are checked for type and otherwise ignored. */
const MEMBERS = new Map<string, { kind: Kind; key?: keyof ConnectOptions }>([
  ['verbose', { kind: 'boolean', key: 'verbose' }],
  ['pedantic', { kind: 'boolean', key: 'pedantic' }],
  ['echo', { kind: 'boolean', key: 'echo' }],
  ['headers', { kind: 'boolean', key: 'headers' }],
  ['no_responders', { kind: 'boolean', key: 'noResponders' }],
  ['protocol', { kind: 'integer', key: 'protocol' }],
  ['name', { kind: 'string', key: 'name' }],
  ['lang', { kind: 'string', key: 'lang' }],
  ['version', { kind: 'string', key: 'version' }],
  ['account', { kind: 'string', key: 'account' }],
  ['new_account', { kind: 'boolean', key: 'newAccount' }],
  ['tls_required', { kind: 'boolean' }],
  ['user', { kind: 'string', key: 'user' }],
  ['pass', { kind: 'string', key: 'password' }],
  ['auth_token', { kind: 'string', key: 'token' }],
  ['nkey', { kind: 'string', key: 'nkey' }],
  ['sig', { kind: 'string', key: 'signature' }],
  ['jwt', { kind: 'string', key: 'jwt' }],
  ['proxy_sig', { kind: 'string', key: 'proxySignature' }],
])

/** Deeper nesting than any client sends; JSON.parse itself would recurse. */
const DEPTH_MAX = 100

/**
 * Applies a CONNECT's JSON to the options that hold so far (a CONNECT may be repeated; absent members stay).
 * Known members are copied one by one with their types checked, names in any letter case as Go reads them; nothing
 * is spread or assigned whole. Answers undefined if the text is not acceptable, in which case nothing was changed.
 */
export function parseConnect(json: string, current: ConnectOptions): ConnectOptions | undefined {
  if (tooDeep(json)) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    return undefined
  }
  if (parsed === null) return { ...current }
  if (typeof parsed !== 'object' || Array.isArray(parsed)) return undefined
  const next = { ...current }
  for (const [name, value] of Object.entries(parsed)) {
    const member = MEMBERS.get(name) ?? MEMBERS.get(name.toLowerCase())
    if (member === undefined || value === null) continue
    const fits = member.kind === 'integer' ? Number.isSafeInteger(value) : typeof value === member.kind
    if (!fits) return undefined
    if (member.key !== undefined) setOption(next, member.key, value)
  }
  return next
}

function setOption<K extends keyof ConnectOptions>(options: ConnectOptions, key: K, value: unknown): void {
  options[key] = value as ConnectOptions[K] // its type was checked against MEMBERS
}

function tooDeep(json: string): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const char = json[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') {
      if (++depth > DEPTH_MAX) return true
    } else if (char === '}' || char === ']') depth--
  }
  return false
}
