// How a leaf link begins: INFO and CONNECT, which each side deals with in its own way (accepted.ts, dialled.ts).
//
//     accepted   INFO ─▶ CONNECT ─▶ login ─▶ bound ─▶ INFO with connect_info, interest
//     dialled    INFO ─▶ CONNECT is sent ─▶ INFO with connect_info ─▶ bound ─▶ interest

import type { Account } from '../accounts/account.ts'
import type { Identity } from '../auth/identity.ts'
import type { Standing } from '../auth/jwt/standing.ts'
import { ACCOUNT_NAME_MAX } from '../base/constants.ts'
import { CloseReason, type Fault } from '../base/errors.ts'
import type { CompressionOptions } from '../options/cluster.ts'
import { isWord } from '../remote/members.ts'
import type { TlsSession } from '../tls/upgrade.ts'
import type { LeafConnect } from './hello.ts'
import type { LeafRules } from './leaf-rights.ts'

/** The side of a handshake that this server has. */
export interface Greeting {
  /** Who the other server has logged in as; undefined: it has not, or does not have to. */
  readonly identity: Identity | undefined
  /** What CONNECT of the other server says; undefined: none has come. */
  readonly connected: LeafConnect | undefined
  /** INFO is due: this server’s, or that of the other one. */
  greet(): void
  processInfo(json: string): void
  processConnect(json: string): void
  /** Users may have changed. */
  review(): Promise<void>
  /** The link is closing. */
  stop(): void
}

/** What becomes of somebody now that the token of the account is another one, or has ended: a fault if it has to go. */
export type Judge = (who: Identity) => Standing | Fault

/** What the other server says of itself. */
export interface LeafPeer {
  readonly name: string
  /** A byte string; empty: it names none. */
  readonly cluster: string
  /** Of its streams; empty: it names none. */
  readonly domain: string
  readonly headers: boolean
}

/** The link, as the handshake sees it. */
export interface GreetingLink {
  /** For the log. */
  readonly label: string
  readonly id: number
  readonly ip: string
  readonly port: number
  readonly closing: boolean
  /** Of a connection that the other server has dialled; undefined: it is plain. */
  readonly tls: TlsSession | undefined
  /** The protocol comes in frames. */
  readonly isWebSocket: boolean
  readonly compression: CompressionOptions
  /** What was agreed upon, as CONNECT says it. */
  readonly compressMode: string
  account: Account
  /** The account that the other server names. */
  remoteAccount: string
  isSpoke: boolean
  isIsolated: boolean
  /** After the end the other server is not to be dialled for so long. */
  delayMs: number
  meet(peer: LeafPeer): void
  obey(rules: LeafRules): void
  /** Asks the primary whether there may be such a link. Returns whether there is one; if not, it is closed. */
  bind(): Promise<boolean>
  /** It is bound: interest and messages pass. */
  begin(): void
  sendText(text: string): void
  /** INFO is not taken any more. */
  endInfo(): void
  /** Agrees upon compression (see RemoteLink). */
  negotiate(theirs: string, announce: () => void, then: (isCompressed: boolean) => void): void
  suspend(): () => void
  attempt(act: () => unknown): void
  close(fault: Fault): void
  /** Closes with a text that the log has too. */
  refuse(fault: Fault): void
  closeByTimer(fault: Fault): void
}

const RESERVED_CLUSTER = '_'

/** `text`: for -ERR; undefined: nothing is said. */
export const closed = (text: string | undefined, reason: CloseReason): Fault => ({ text, reason })

/** Why a server of this cluster cannot be at the other end. The name is part of lines that other servers are sent. */
export function whyNotCluster(theirs: string, ours: string): Fault | undefined {
  if (!isWord(theirs)) return closed('cluster name cannot contain spaces', CloseReason.protocolViolation)
  if (theirs === RESERVED_CLUSTER) return closed('cluster name is reserved', CloseReason.clusterName)
  if (theirs.length > ACCOUNT_NAME_MAX) return closed(undefined, CloseReason.protocolViolation)
  if (theirs !== '' && theirs === ours) {
    return closed('remote leafnode has same cluster name', CloseReason.clusterName)
  }
  return undefined
}
