// The options of leaf nodes, from what the block `leafnodes` says.

import type { LeafnodeOptions, LeafProxyOptions, LeafRemoteOptions, LeafUser } from '../../options/leafnodes.ts'
import { GLOBAL_ACCOUNT, type TlsOptions } from '../../options/shapes.ts'
import type { Checked } from '../layer.ts'
import { compressionOf, usualAuthTimeout } from './cluster-options.ts'

const SECOND_MS = 1000
const PING_MAX = 2
/** Of a remote whose URL names none. */
const PORT = 7422
/** Of a proxy whose URL names none. */
const HTTP_PORT = 80

const text = (block: Checked, key: string): string => String(block[key] ?? '')
const number = (block: Checked, key: string): number => Number(block[key] ?? 0)
const texts = (block: Checked, key: string): readonly string[] => (block[key] ?? []) as readonly string[]

/** Undefined: no block, or one without port and remotes. `ping` and `pingMax` are those of the server. */
export function leafnodeOptions(
  block: Checked | undefined,
  ping: number,
  pingMax: number,
): LeafnodeOptions | undefined {
  if (block === undefined || (number(block, 'port') === 0 && texts(block, 'remotes').length === 0)) return undefined
  const authorization = (block['authorization'] ?? {}) as Checked
  const tls = block['tls'] as TlsOptions | undefined
  const dialTimeout = number(block, 'dialTimeout') || SECOND_MS
  return {
    host: text(block, 'host') || '0.0.0.0',
    port: number(block, 'port'),
    users: usersOf(authorization),
    authTimeout: number(authorization, 'timeout') || usualAuthTimeout(tls),
    tls,
    advertise: text(block, 'advertise'),
    noAdvertise: block['noAdvertise'] === true,
    minVersion: text(block, 'version'),
    compression: compressionOf(block['compression'], 's2_auto', 's2_auto'),
    reconnect: number(block, 'reconnect') || SECOND_MS,
    isolate: block['isolate'] === true,
    pingInterval: number(block, 'pingInterval') || ping,
    pingMax: number(block, 'pingMax') || pingMax || PING_MAX,
    remotes: ((block['remotes'] ?? []) as readonly Checked[]).map((remote) =>
      remoteOptions(remote, dialTimeout, tls?.pinnedCerts),
    ),
  }
}

/** What the block asks for that Heddle lacks, by the names in table/unsupported.ts. */
export function lackingOfLeafs(block: Checked | undefined): string[] {
  const authorization = (block?.['authorization'] ?? {}) as Checked
  const users = [authorization, ...((authorization['users'] ?? []) as readonly Checked[])]
  const remotes = (block?.['remotes'] ?? []) as readonly Checked[]
  const isTrue = (said: unknown): boolean => said !== undefined && said !== false
  const proxyOf = (remote: Checked): Checked => (remote['proxy'] ?? {}) as Checked
  const denies = remotes.flatMap((remote) => [...texts(remote, 'denyImports'), ...texts(remote, 'denyExports')])
  return [
    ...(users.some((user) => user['proxyRequired'] === true) ? ['proxy_required of leafnodes'] : []),
    ...(remotes.some((remote) => text(proxyOf(remote), 'url').startsWith('https:'))
      ? ['https proxies to leafnodes remotes']
      : []),
    ...(denies.some((deny) => deny.includes('{{')) ? ['placeholders in denied subjects of leafnodes remotes'] : []),
    ...(remotes.some((remote) => isTrue(remote['migration']))
      ? ['jetstream_cluster_migrate of leafnodes remotes']
      : []),
  ]
}

function usersOf(authorization: Checked): readonly LeafUser[] | undefined {
  const account = text(authorization, 'account') || GLOBAL_ACCOUNT
  const username = text(authorization, 'username')
  const nkey = text(authorization, 'nkey')
  if (username !== '' || nkey !== '') {
    return [{ username: nkey === '' ? username : '', password: text(authorization, 'password'), nkey, account }]
  }
  const users = (authorization['users'] ?? []) as readonly Checked[]
  if (users.length === 0) return undefined
  return users.map((user) => ({
    username: text(user, 'username'),
    password: text(user, 'password'),
    nkey: '',
    account: text(user, 'account') || GLOBAL_ACCOUNT,
  }))
}

/** `pinnedCerts`: of the block, where the remote has none of its own. */
function remoteOptions(remote: Checked, dialTimeout: number, pinnedCerts: readonly string[] = []): LeafRemoteOptions {
  const tls = remote['tls'] as TlsOptions | undefined
  return {
    urls: texts(remote, 'urls').map(withPort),
    account: text(remote, 'account') || GLOBAL_ACCOUNT,
    credentials: text(remote, 'credentials'),
    nkey: text(remote, 'nkey'),
    tls,
    pinnedCerts: tls === undefined || tls.pinnedCerts.length === 0 ? pinnedCerts : tls.pinnedCerts,
    hub: remote['hub'] === true,
    denyImports: texts(remote, 'denyImports'),
    denyExports: texts(remote, 'denyExports'),
    noRandomize: remote['noRandomize'] === true,
    isolate: remote['isolate'] === true,
    requestIsolation: remote['requestIsolation'] === true,
    compression: compressionOf(remote['compression'], 's2_auto', 's2_auto'),
    webSocketCompression: remote['compress'] === true,
    noMasking: remote['noMasking'] === true,
    proxy: proxyOptions(remote, number(remote, 'dialTimeout') || dialTimeout),
    firstInfoTimeout: number(remote, 'firstInfoTimeout') || SECOND_MS,
    dialTimeout: number(remote, 'dialTimeout') || dialTimeout,
    disabled: remote['disabled'] === true,
    ignoreDiscovered: remote['ignoreDiscovered'] === true,
  }
}

function proxyOptions({ proxy: given }: Checked, dialTimeout: number): LeafProxyOptions | undefined {
  const proxy = (given ?? {}) as Checked
  const url = text(proxy, 'url')
  if (!URL.canParse(url)) return undefined
  const { hostname, port } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || HTTP_PORT,
    username: text(proxy, 'username'),
    password: text(proxy, 'password'),
    timeout: number(proxy, 'timeout') || dialTimeout,
  }
}

/** A URL that names its port. */
function withPort(url: string): string {
  const place = url.slice(url.indexOf('://') + 3).replace(/\/.*$/, '')
  const host = place.slice(place.lastIndexOf('@') + 1)
  return /:\d+$/.test(host) ? url : url.replace(place, `${place}:${PORT}`)
}
