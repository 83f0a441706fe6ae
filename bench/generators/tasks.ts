// What crosses between the bench and its load generators, which run in the threads of a piscina pool: the tasks, what
// they come back with, and the words that are exchanged while they run.

import type { MessagePort } from 'node:worker_threads'

/** From the bench to a generator that is at work. */
export type Command =
  /** Senders begin. */
  | { readonly kind: 'go' }
  /** Senders end behind their present cycle; connections that are only held are let go. */
  | { readonly kind: 'stop' }
  /** Receivers are told how many messages all of them together are owed. */
  | { readonly kind: 'expect'; readonly messages: number }

/** From a generator to the bench: all its connections stand, the server has answered each one's PING. */
export interface Ready {
  readonly kind: 'ready'
  /** Milliseconds that connecting all of them took. */
  readonly elapsedMs: number
}

export type Transport = 'tcp' | 'tls' | 'websocket'

/** Where a load comes in, on 127.0.0.1. */
export interface Endpoint {
  readonly transport: Transport
  readonly port: number
}

export interface Task {
  readonly endpoint: Endpoint
  /** Where Command comes in and Ready goes out. */
  readonly control: MessagePort
}

export interface ReceiveTask extends Task {
  /** For each connection, the protocol text with its SUBs. */
  readonly subscriptions: readonly string[]
  /** Every message is this many bytes long on the wire … */
  readonly stride: number
  /** … and begins with this letter: `M` of MSG or `H` of HMSG. */
  readonly initial: string
  /** Messages that all connections together are owed; undefined: `expect` will say. */
  readonly messages: number | undefined
  /** … and each of them; undefined: however they are shared out. */
  readonly each: readonly number[] | undefined
  /** One BigInt64: messages received so far, for the bench to look at meanwhile. */
  readonly progress: SharedArrayBuffer
}

export interface Received {
  readonly messages: number
  /** When the last message was complete, on the machine's monotonic clock. */
  readonly lastMs: number
}

export interface SendTask extends Task {
  readonly connections: number
  /** Protocol text that each connection sends again and again. */
  readonly cycle: Uint8Array
  /** How often; undefined: until `stop`. */
  readonly rounds: number | undefined
}

export interface Sent {
  /** Cycles that the server has confirmed, over all connections. */
  readonly rounds: number
  readonly firstMs: number
  /** When the server had answered the last PING. */
  readonly lastMs: number
}

export interface ExchangeTask extends Task {
  /** Requests whose latency is not counted, at the beginning. */
  readonly warmUp: number
  readonly requests: number
  readonly bytes: number
}

export interface Exchanged {
  readonly p50Us: number
  readonly p99Us: number
  /** Requests a second. */
  readonly rate: number
}

export interface HoldTask extends Task {
  readonly connections: number
  /** Connections that are being opened at the same time. */
  readonly dialling: number
  /** Each connection's SUB line. */
  readonly subscription: string
  /** The connections stop reading as soon as they stand. */
  readonly stuck: boolean
}
