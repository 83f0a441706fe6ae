// INFO and CONNECT of leaf nodes (docs/reference/leaf-nodes.md, "Handshake"), read and written.

import { HIDDEN_TOKEN } from '../auth/request.ts'
import { API_LEVEL, NATS_VERSION } from '../base/constants.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import {
  type Members,
  membersOf,
  numberOf,
  type SubjectLists,
  subjectListsOf,
  textOf,
  textsOf,
} from '../remote/members.ts'

/** So many addresses of a peer are believed. */
const URLS_MAX = 64
/** Message tracing is not announced: a trace does not go to other servers. */
const PROTOCOL_LEVEL = 2

/** What an INFO says; texts are empty and numbers 0 where it says nothing. */
export interface LeafInfo {
  readonly serverId: string
  readonly serverName: string
  readonly clientId: number
  readonly nonce: string
  readonly cluster: string
  readonly domain: string
  readonly headers: boolean
  readonly tlsRequired: boolean
  readonly compression: string
  /** CONNECT is answered by another INFO; this is that one. */
  readonly answersConnect: boolean
  readonly isAnswer: boolean
  readonly remoteAccount: string
  /** `host:port` each, for a link without frames, and for one over WebSocket. */
  readonly urls: readonly string[]
  readonly webSocketUrls: readonly string[]
  readonly hasUrls: boolean
  /** What may flow to the side that has dialled, and from there. */
  readonly imports: SubjectLists | undefined
  readonly exports: SubjectLists | undefined
  readonly hasPermissions: boolean
  readonly isLameDuck: boolean
}

/** Undefined: it is no JSON object. */
export function readInfo(json: string): LeafInfo | undefined {
  const members = membersOf(json)
  if (members === undefined) return undefined
  return {
    serverId: textOf(members, 'server_id'),
    serverName: textOf(members, 'server_name'),
    clientId: numberOf(members, 'client_id'),
    nonce: textOf(members, 'nonce'),
    cluster: textOf(members, 'cluster'),
    domain: textOf(members, 'domain'),
    headers: members['headers'] === true,
    tlsRequired: members['tls_required'] === true,
    compression: textOf(members, 'compression'),
    answersConnect: members['info_on_connect'] === true,
    isAnswer: members['connect_info'] === true,
    remoteAccount: textOf(members, 'remote_account'),
    urls: textsOf(members['leafnode_urls'], URLS_MAX),
    webSocketUrls: textsOf(members['ws_connect_urls'], URLS_MAX),
    hasUrls: Array.isArray(members['leafnode_urls']),
    imports: subjectListsOf(members['import']),
    exports: subjectListsOf(members['export']),
    hasPermissions: 'import' in members || 'export' in members,
    isLameDuck: members['ldm'] === true,
  }
}

/** Whether the first line of the other server says that TLS is to come. */
export function demandsTls(line: string): boolean {
  return /^info /i.test(line) && readInfo(line.slice('INFO '.length))?.tlsRequired === true
}

/** What a CONNECT says. */
export interface LeafConnect {
  readonly version: string
  readonly nkey: string
  readonly jwt: string
  readonly signature: string
  readonly user: string
  readonly password: string
  readonly token: string
  readonly serverId: string
  readonly domain: string
  readonly name: string
  readonly isHub: boolean
  readonly cluster: string
  readonly headers: boolean
  readonly denyPublish: readonly string[]
  readonly isolate: boolean
  readonly compression: string
  readonly gateway: string
  readonly remoteAccount: string
  /** A client's: its program's language. */
  readonly lang: string
  readonly protocol: number
}

export function readConnect(json: string): LeafConnect | undefined {
  const members = membersOf(json)
  if (members === undefined) return undefined
  return {
    version: textOf(members, 'version'),
    nkey: textOf(members, 'nkey'),
    jwt: textOf(members, 'jwt'),
    signature: textOf(members, 'sig'),
    user: textOf(members, 'user'),
    password: textOf(members, 'pass'),
    token: textOf(members, 'auth_token'),
    serverId: textOf(members, 'server_id'),
    domain: textOf(members, 'domain'),
    name: textOf(members, 'name'),
    isHub: members['is_hub'] === true,
    cluster: textOf(members, 'cluster'),
    headers: members['headers'] === true,
    denyPublish: deniesOf(members),
    isolate: members['isolate'] === true,
    compression: textOf(members, 'compress_mode'),
    gateway: textOf(members, 'gateway'),
    remoteAccount: textOf(members, 'remote_account'),
    lang: textOf(members, 'lang'),
    protocol: numberOf(members, 'protocol'),
  }
}

/** Who it says that it is. A dialler says a user without password as a token too, which it may be. */
export function claimedUser({ nkey, user, token }: LeafConnect): string {
  return token === '' ? nkey || user : HIDDEN_TOKEN
}

function deniesOf(members: Members): readonly string[] {
  return subjectListsOf({ deny: members['deny_pub'] })?.deny ?? []
}

/** What INFO of the side that accepts says besides the server's identity. */
export interface LeafIntroduction {
  readonly identity: ServerIdentity
  readonly host: string
  readonly port: number
  readonly clientId: number
  readonly nonce: string
  readonly ip: string
  /** Empty: none. */
  readonly cluster: string
  readonly domain: string
  readonly urls: readonly string[]
  readonly tls: { readonly required: boolean; readonly verify: boolean }
  readonly compression: string
  readonly maxPayload: number
  /** In the answer to CONNECT, where the nonce and compression are settled: the account, and what is allowed. */
  readonly answer?: { readonly account: string; readonly imports?: SubjectLists; readonly exports?: SubjectLists }
}

/** INFO of the side that accepts, with its CRLF. */
export function infoLine({ identity, answer, ...leaf }: LeafIntroduction): string {
  const { streams } = identity
  const members = {
    server_id: identity.serverId,
    server_name: identity.serverName,
    version: NATS_VERSION,
    proto: PROTOCOL_LEVEL,
    go: `node ${process.version}`,
    host: leaf.host,
    port: leaf.port,
    headers: identity.headers,
    auth_required: true,
    ...(leaf.tls.required ? { tls_required: true } : {}),
    ...(leaf.tls.verify ? { tls_verify: true } : {}),
    max_payload: leaf.maxPayload,
    ...(streams === undefined ? {} : { jetstream: true }),
    ip: leaf.ip,
    client_id: leaf.clientId,
    ...(answer === undefined ? { nonce: leaf.nonce } : {}),
    ...(leaf.cluster === '' ? {} : { cluster: leaf.cluster }),
    ...(leaf.domain === '' ? {} : { domain: leaf.domain }),
    ...(answer === undefined ? {} : { connect_info: true, remote_account: answer.account }),
    ...(answer?.imports === undefined ? {} : { import: answer.imports }),
    ...(answer?.exports === undefined ? {} : { export: answer.exports }),
    ...(identity.lameDuck ? { ldm: true } : {}),
    ...(answer === undefined ? { compression: leaf.compression } : {}),
    api_lvl: API_LEVEL,
    info_on_connect: true,
    ...(leaf.urls.length === 0 ? {} : { leafnode_urls: leaf.urls }),
  }
  return `INFO ${JSON.stringify(members)} \r\n`
}

/** What the side that has dialled says of itself. */
export interface LeafLogin {
  readonly identity: ServerIdentity
  readonly credentials: {
    readonly user: string
    readonly password: string
    readonly token: string
    readonly nkey: string
    readonly jwt: string
    readonly signature: string
  }
  readonly domain: string
  readonly cluster: string
  readonly isHub: boolean
  /** The account has streams. */
  readonly streams: boolean
  readonly denyImports: readonly string[]
  readonly isolate: boolean
  readonly compression: string
  readonly account: string
}

/** CONNECT, with its CRLF. */
export function connectLine({ identity, credentials, ...leaf }: LeafLogin): string {
  const { user, password, token, nkey, jwt, signature } = credentials
  const members = {
    version: NATS_VERSION,
    ...(nkey === '' ? {} : { nkey }),
    ...(jwt === '' ? {} : { jwt }),
    ...(signature === '' ? {} : { sig: signature }),
    ...(user === '' ? {} : { user }),
    ...(password === '' ? {} : { pass: password }),
    ...(token === '' ? {} : { auth_token: token }),
    server_id: identity.serverId,
    ...(leaf.domain === '' ? {} : { domain: leaf.domain }),
    name: identity.serverName,
    ...(leaf.isHub ? { is_hub: true } : {}),
    cluster: leaf.cluster,
    headers: identity.headers,
    ...(leaf.streams ? { jetstream: true } : {}),
    ...(leaf.denyImports.length === 0 ? {} : { deny_pub: leaf.denyImports }),
    ...(leaf.isolate ? { isolate: true } : {}),
    compress_mode: leaf.compression,
    remote_account: leaf.account,
    protocol: PROTOCOL_LEVEL,
  }
  return `CONNECT ${JSON.stringify(members)}\r\n`
}

/** The INFO by which the side that has dialled chooses compression, with its CRLF: nothing else in it counts. */
export function compressionLine(clientId: number, compression: string): string {
  const nothing = { server_id: '', server_name: '', version: '', proto: 0, go: '', host: '', port: 0, headers: false }
  return `INFO ${JSON.stringify({ ...nothing, max_payload: 0, client_id: clientId, compression })}\r\n`
}
