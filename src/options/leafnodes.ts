// `leafnodes { … }`: this server as a hub of leaf nodes, and as a leaf node of others
// (docs/reference/leaf-nodes.md).

import type { CompressionOptions } from './cluster.ts'
import type { TlsOptions } from './shapes.ts'

/** Who may connect as a leaf node, and into which account. */
export interface LeafUser {
  readonly username: string
  readonly password: string
  /** Public user key; empty: a name and a password. */
  readonly nkey: string
  readonly account: string
}

/** An HTTP proxy by which another server is reached. */
export interface LeafProxyOptions {
  readonly host: string
  readonly port: number
  /** Empty: it does not ask who comes. */
  readonly username: string
  readonly password: string
  readonly timeout: number
}

/** A server of which this one is to be a leaf node. Times are milliseconds. */
export interface LeafRemoteOptions {
  readonly urls: readonly string[]
  /** The local account. */
  readonly account: string
  /** Path of a file with a token and its seed; empty: none. */
  readonly credentials: string
  /** The seed of a user; empty: none. */
  readonly nkey: string
  readonly tls: TlsOptions | undefined
  /** Hashes of the keys that the other server’s certificate may have; empty: any. */
  readonly pinnedCerts: readonly string[]
  /** This server is the hub, although it dials. */
  readonly hub: boolean
  readonly denyImports: readonly string[]
  readonly denyExports: readonly string[]
  readonly noRandomize: boolean
  readonly isolate: boolean
  readonly requestIsolation: boolean
  readonly compression: CompressionOptions
  /** permessage-deflate is asked for, where the URL is one of a WebSocket … */
  readonly webSocketCompression: boolean
  /** … and frames are not masked, if the other server agrees. */
  readonly noMasking: boolean
  /** Undefined: the other server is dialled without one. */
  readonly proxy: LeafProxyOptions | undefined
  readonly firstInfoTimeout: number
  readonly dialTimeout: number
  readonly disabled: boolean
  readonly ignoreDiscovered: boolean
}

export interface LeafnodeOptions {
  readonly host: string
  /** 0: leaf nodes do not come here; -1: any port. */
  readonly port: number
  /** Undefined: leaf nodes log in as clients do. */
  readonly users: readonly LeafUser[] | undefined
  readonly authTimeout: number
  readonly tls: TlsOptions | undefined
  /** `host:port`, announced to leaf nodes. */
  readonly advertise: string
  readonly noAdvertise: boolean
  /** Empty: any version. */
  readonly minVersion: string
  readonly compression: CompressionOptions
  readonly reconnect: number
  readonly isolate: boolean
  readonly pingInterval: number
  readonly pingMax: number
  readonly remotes: readonly LeafRemoteOptions[]
}
