// INFO and CONNECT of routes: JSON in both directions. What a peer sends is taken member by member, each with its type.

import { NATS_VERSION } from '../base/constants.ts'
import type { ClusterOptions } from '../options/cluster.ts'
import type { ServerIdentity } from '../protocol/handshake.ts'
import { membersOf, numberOf, subjectListsOf, textOf, textsOf } from '../remote/members.ts'
import type { RouteHello } from './contract.ts'

/** So many addresses of a peer are believed. */
const URLS_MAX = 64

/** What an INFO says; undefined: it is no INFO of a server. */
export function readHello(json: string): RouteHello | undefined {
  const members = membersOf(json)
  if (members === undefined || textOf(members, 'server_id') === '') return undefined
  const index = members['route_pool_idx']
  return {
    serverId: textOf(members, 'server_id'),
    serverName: textOf(members, 'server_name'),
    version: textOf(members, 'version'),
    cluster: textOf(members, 'cluster'),
    isDynamic: members['cluster_dynamic'] === true,
    host: textOf(members, 'host'),
    port: numberOf(members, 'port'),
    ip: textOf(members, 'ip'),
    authRequired: members['auth_required'] === true,
    headers: members['headers'] === true,
    poolSize: numberOf(members, 'route_pool_size'),
    poolIndex: typeof index === 'number' ? index : undefined,
    account: textOf(members, 'route_account'),
    connectUrls: textsOf(members['connect_urls'], URLS_MAX),
    gossipMode: numberOf(members, 'gossip_mode'),
    isLameDuck: members['ldm'] === true,
    compression: textOf(members, 'compression'),
    takesOrigins: members['lnoc'] === true || members['ln'] === true,
    takesOriginsOnEnd: members['lnocu'] === true || members['ln'] === true,
    takesUnnamedOrigins: members['ln'] === true,
    imports: subjectListsOf(members['import']),
    exports: subjectListsOf(members['export']),
  }
}

/** What a CONNECT says. */
export interface RouteConnect {
  readonly name: string
  readonly cluster: string
  readonly isDynamic: boolean
  readonly user: string
  readonly password: string
  /** A client's: its program's language. */
  readonly lang: string
  readonly gateway: string
  readonly headers: boolean
}

export function readConnect(json: string): RouteConnect | undefined {
  const members = membersOf(json)
  if (members === undefined) return undefined
  return {
    name: textOf(members, 'name'),
    cluster: textOf(members, 'cluster'),
    isDynamic: members['cluster_dynamic'] === true,
    user: textOf(members, 'user'),
    password: textOf(members, 'pass'),
    lang: textOf(members, 'lang'),
    gateway: textOf(members, 'gateway'),
    headers: members['headers'] === true,
  }
}

/** What the members of INFO for one route are made of. */
export interface RouteIntroduction {
  readonly identity: ServerIdentity
  readonly options: ClusterOptions
  readonly poolIndex?: number
  readonly account?: string
  readonly gossipMode?: number
  /** What the server can do, or has chosen; undefined: the handshake is over. */
  readonly compression?: string
}

/** INFO for a route, with its CRLF. */
export function infoLine({ identity, options, ...route }: RouteIntroduction): string {
  const { cluster } = identity
  const { permissions, tls, credentials, poolSize } = options
  const members = {
    server_id: identity.serverId,
    server_name: identity.serverName,
    version: NATS_VERSION,
    proto: PROTOCOL_LEVEL,
    go: `node ${process.version}`,
    host: cluster?.host ?? '',
    port: cluster?.port ?? 0,
    headers: identity.headers,
    ...(credentials === undefined ? {} : { auth_required: true }),
    ...(tls === undefined ? {} : { tls_required: true, tls_verify: true }),
    max_payload: identity.maxPayload,
    ...(cluster?.ip ? { ip: cluster.ip } : {}),
    cluster: cluster?.name ?? '',
    ...(cluster?.isDynamic ? { cluster_dynamic: true } : {}),
    ...(identity.lameDuck ? { ldm: true } : {}),
    ...(cluster === undefined || cluster.ownUrls.length === 0 ? {} : { connect_urls: cluster.ownUrls }),
    ...(permissions?.publish === undefined ? {} : { import: permissions.publish }),
    ...(permissions?.subscribe === undefined ? {} : { export: permissions.subscribe }),
    ...(route.compression === undefined ? {} : { compression: route.compression }),
    lnoc: true,
    lnocu: true,
    ln: true,
    ...(poolSize > 0 ? { route_pool_size: poolSize } : {}),
    ...(route.poolIndex ? { route_pool_idx: route.poolIndex } : {}),
    ...(route.account ? { route_account: route.account } : {}),
    ...(route.gossipMode ? { gossip_mode: route.gossipMode } : {}),
  }
  return `INFO ${JSON.stringify(members)} \r\n`
}

/** Accounts are known, events of traces are not. */
const PROTOCOL_LEVEL = 2

/** CONNECT of the server that has dialled, with its CRLF. */
export function connectLine(
  identity: ServerIdentity,
  credentials: { username: string; password: string },
  hasTls: boolean,
): string {
  const { cluster } = identity
  const { username, password } = credentials
  const members = {
    echo: true,
    verbose: false,
    pedantic: false,
    ...(username === '' ? {} : { user: username, pass: password }),
    tls_required: hasTls,
    headers: identity.headers,
    name: identity.serverId,
    cluster: cluster?.name ?? '',
    ...(cluster?.isDynamic ? { cluster_dynamic: true } : {}),
    lnoc: true,
    ln: true,
  }
  return `CONNECT ${JSON.stringify(members)}\r\n`
}
