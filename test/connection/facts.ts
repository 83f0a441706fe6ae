// A client as others may know of it: a literal, with the members that a test is about.

import { Account } from '../../src/accounts/account.ts'
import { NO_LIMITS } from '../../src/accounts/limits.ts'
import type { Greeting } from '../../src/auth/authenticator.ts'
import type { ClientFacts } from '../../src/connection/facts.ts'
import { type ConnectOptions, defaultConnectOptions } from '../../src/protocol/handshake.ts'
import type { WebSocketSession } from '../../src/websocket/handshake.ts'

/** Where everybody may come in. */
export const OPEN: Greeting = {
  isAnnounced: false,
  expectsConnect: false,
  mayOmitConnect: false,
  needsNonce: false,
}

/** Where nobody comes in without saying who it is. */
export const GUARDED: Greeting = { ...OPEN, isAnnounced: true, expectsConnect: true }

export const WEB_SOCKET: WebSocketSession = {
  cookies: { jwt: '', user: '', pass: '', token: '' },
  forwardedFor: '',
  compression: false,
  masked: true,
  browser: 'none',
  tls: undefined,
}

export function connectOptions(members: Partial<ConnectOptions> = {}): ConnectOptions {
  return { ...defaultConnectOptions(), ...members }
}

export function clientFacts(members: Partial<ClientFacts> = {}): ClientFacts {
  return {
    id: 7,
    ip: '10.1.2.3',
    account: new Account('A'),
    options: connectOptions(),
    startMs: 1_000,
    rttMs: 0,
    isLocal: false,
    tls: undefined,
    clientType: members.webSocket === undefined ? 'nats' : 'websocket',
    webSocket: undefined,
    login: { greeting: OPEN, nonce: '', identity: undefined },
    limits: NO_LIMITS,
    connectReceived: true,
    inMessages: 0,
    inBytes: 0,
    outMessages: 0,
    outBytes: 0,
    ...members,
  }
}
