// The options of a cluster, from what the block `cluster` and flags say.

import { TLS_TIMEOUT_MS } from '../../base/constants.ts'
import {
  type ClusterOptions,
  COMPRESSION_MODES,
  type CompressionMode,
  type CompressionOptions,
} from '../../options/cluster.ts'
import type { AuthorizationOptions, Permissions, TlsOptions } from '../../options/shapes.ts'
import type { Checked } from '../layer.ts'

const AUTH_TIMEOUT_MS = 2000
/** Behind TLS. */
const AUTH_TIMEOUT_MORE_MS = 1000
const PING_INTERVAL_MAX_MS = 30_000
const PING_MAX = 2
const POOL_SIZE = 3
const THRESHOLDS_MS: readonly number[] = [10, 50, 100]
const SHORT_MODES: Readonly<Record<string, CompressionMode>> = {
  disabled: 'off',
  false: 'off',
  'not supported': 'off',
  not_supported: 'off',
  auto: 's2_auto',
  fast: 's2_fast',
  better: 's2_better',
  best: 's2_best',
}

/** A block’s `compression`, whose mode is known to be one; `on` is the mode that it switches on. */
export function compressionOf(value: unknown, usual: CompressionMode, on: CompressionMode): CompressionOptions {
  if (typeof value === 'boolean') return { mode: value ? on : 'off', thresholds: THRESHOLDS_MS }
  const { mode = '', thresholds = [] } = (value ?? {}) as { mode?: string; thresholds?: readonly number[] }
  const word = mode.toLowerCase()
  const known = COMPRESSION_MODES.find((each) => each === word) ?? SHORT_MODES[word]
  const isOn = ['on', 'enabled', 'true'].includes(word)
  return {
    mode: word === '' ? usual : isOn ? on : (known ?? usual),
    thresholds: thresholds.length === 0 ? THRESHOLDS_MS : thresholds,
  }
}

/** How long CONNECT of another server may take, in milliseconds, where nothing is said of it. */
export function usualAuthTimeout(tls: TlsOptions | undefined): number {
  return tls === undefined ? AUTH_TIMEOUT_MS : (tls.timeout || TLS_TIMEOUT_MS) + AUTH_TIMEOUT_MORE_MS
}

/** Undefined: there is no cluster, as no port is named. `ping` is the interval of the server. */
export function clusterOptions(block: Checked | undefined, ping: number, pingMax: number): ClusterOptions | undefined {
  const port = Number(block?.['port'] ?? 0)
  if (block === undefined || port === 0) return undefined
  const text = (key: string): string => String(block[key] ?? '')
  const number = (key: string): number => Number(block[key] ?? 0)
  const authorization = block['authorization'] as AuthorizationOptions | undefined
  const { username = '', password = '' } = authorization ?? {}
  const poolSize = number('poolSize')
  const tls = block['tls'] as TlsOptions | undefined
  return {
    name: text('name'),
    host: text('host') || '0.0.0.0',
    port,
    routes: (block['routes'] ?? []) as readonly string[],
    credentials: username === '' ? undefined : { username, password },
    authTimeout: authorization?.timeout || usualAuthTimeout(tls),
    permissions: (block['permissions'] as Permissions | undefined) ?? authorization?.defaultPermissions,
    // Both sides always show certificates.
    tls: tls && { ...tls, verify: true, verifyOptional: false },
    advertise: text('advertise'),
    noAdvertise: block['noAdvertise'] === true,
    connectRetries: number('connectRetries'),
    connectBackoff: block['connectBackoff'] === true,
    poolSize: poolSize === 0 ? POOL_SIZE : Math.max(0, poolSize),
    accounts: (block['accounts'] ?? []) as readonly string[],
    compression: compressionOf(block['compression'], 'accept', 's2_fast'),
    pingInterval: Math.min(number('pingInterval') || ping, PING_INTERVAL_MAX_MS),
    pingMax: number('pingMax') || pingMax || PING_MAX,
  }
}

/** What the flag `--cluster` says: `nats://user:password@host:port`. */
export function clusterOfUrl(text: string): Checked {
  const [, user = '', host = '', port = ''] =
    /^(?:[a-z+-]+:\/\/)?(?:([^@/]*)@)?(\[[^\]]*\]|[^:/]*)(?::(-?\d+))?\/?$/i.exec(text) ?? []
  const colon = user.indexOf(':')
  const [username, password] = colon < 0 ? [user, ''] : [user.slice(0, colon), user.slice(colon + 1)]
  const block: Checked = { port: Number(port) }
  if (host !== '') block['host'] = host.replace(/^\[|\]$/g, '')
  if (username !== '') {
    block['authorization'] = { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  }
  return block
}
