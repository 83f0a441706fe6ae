// Events of connections (docs/reference/system-account.md, "Events of connections"): connects, disconnects, refused
// logins, and changed numbers of an account. Each shard publishes those of its own connections.
//
// Events wait until the current operation is over: a connection may be closed in the middle of a delivery, which the
// router could not take up again. The plan cache is asked first whether there is a subscriber; if not, nothing is
// written.

import type { Account } from '../../accounts/account.ts'
import { CloseReason } from '../../base/errors.ts'
import { eventHead } from '../../base/event-head.ts'
import { goTime } from '../../base/go-format.ts'
import { attempt, guarded } from '../../base/guarded.ts'
import type { Json } from '../../base/json.ts'
import { unlessEmpty } from '../../base/json.ts'
import type { ClientFacts } from '../../connection/facts.ts'
import { GLOBAL_ACCOUNT } from '../../options/shapes.ts'
import { byteString } from '../../subjects/byte-string.ts'
import { connectionSubjects } from '../connection-subjects.ts'
import type { SystemOwner } from './owner.ts'

/** What nats-server calls an authentication error; other reasons have to do with authentication, but are none. */
const AUTH_ERRORS: ReadonlySet<CloseReason> = new Set([
  CloseReason.authentication,
  CloseReason.proxyNotTrusted,
  CloseReason.proxyRequired,
])

/** What it needs of the shard. */
type EventsOwner = Pick<SystemOwner, 'accounts' | 'admission' | 'nowMs' | 'bugMet' | 'wallClock' | 'wake'> & {
  readonly identity: Pick<SystemOwner['identity'], 'serverId'>
  readonly options: Pick<SystemOwner['options'], 'authorization'>
}

/** Publishes in the system account, if there is a subscriber. */
interface Announcer {
  isHeard(subject: string): boolean
  /** `account`: where, if not in the system account. */
  announce(subject: string, event: () => Readonly<Record<string, Json>>, account?: Account): void
  /** `content`, after what is said of the server. */
  signed(content: Readonly<Record<string, Json>>): Readonly<Record<string, Json>>
}

interface Happened {
  readonly client: ClientFacts
  /** Undefined: it has come. */
  readonly reason: CloseReason | undefined
  /** Milliseconds since 1970. */
  readonly atMs: number
}

export class ConnectionEvents {
  private readonly shard: EventsOwner
  private readonly system: Announcer
  private readonly onConnectionsChanged: (accounts: readonly string[]) => void
  private happened: Happened[] = []

  /** `onConnectionsChanged`: the connections of these accounts have changed, and there is a subscriber for that. */
  constructor(shard: EventsOwner, system: Announcer, onConnectionsChanged: (accounts: readonly string[]) => void) {
    this.shard = shard
    this.system = system
    this.onConnectionsChanged = onConnectionsChanged
  }

  /** A connection is authenticated. */
  connected(client: ClientFacts): void {
    this.note(client, undefined)
  }

  closed(client: ClientFacts, reason: CloseReason): void {
    this.note(client, reason)
  }

  private note(client: ClientFacts, reason: CloseReason | undefined): void {
    const atMs = this.shard.wallClock(this.shard.nowMs)
    if (this.happened.push({ client, reason, atMs }) === 1)
      setImmediate(guarded(this.shard.bugMet, () => this.tellAll()))
  }

  private tellAll(): void {
    const { happened, shard } = this
    this.happened = []
    shard.wake()
    const changed = new Set<Account>()
    for (const { client, reason, atMs } of happened) {
      if (client.login.identity !== undefined) changed.add(client.account)
      attempt(shard.bugMet, () => {
        if (reason === undefined) this.tellConnect(client, atMs)
        else this.tellClosed(client, reason, atMs)
      })
    }
    const heard = [...changed].filter(({ name }) => name !== GLOBAL_ACCOUNT && this.isCountHeard(name))
    if (heard.length > 0) this.onConnectionsChanged(heard.map(({ name }) => name))
  }

  private isCountHeard(account: string): boolean {
    return connectionSubjects(account).some((subject) => this.system.isHeard(subject))
  }

  // ── One connection ────────────────────────────────────────────────────────────────────────────────────

  private tellConnect(client: ClientFacts, atMs: number): void {
    this.system.announce(`$SYS.ACCOUNT.${byteString(client.account.name)}.CONNECT`, () => ({
      ...eventHead('advisory.v1.client_connect', atMs),
      ...this.system.signed({ client: this.describe(client, {}) }),
    }))
  }

  private tellClosed(client: ClientFacts, reason: CloseReason, atMs: number): void {
    const { account } = client
    const { system, shard } = this
    const event = (): Readonly<Record<string, Json>> => this.describeEnd(client, reason, atMs)
    const isRefused = AUTH_ERRORS.has(reason)
    if (isRefused && client.connectReceived) {
      const callout = shard.options.authorization?.callout?.account
      const told = callout === undefined ? account : shard.accounts.named(callout)
      system.announce('$SYS.ACCOUNT.CLIENT.AUTH.ERR', event, told)
    }
    system.announce(`$SYS.ACCOUNT.${byteString(account.name)}.DISCONNECT`, event)
    if (isRefused) system.announce(`$SYS.SERVER.${shard.identity.serverId}.CLIENT.AUTH.ERR`, event)
  }

  /** From the client's point of view: what it sent, and what it received. */
  private describeEnd(client: ClientFacts, reason: CloseReason, atMs: number): Readonly<Record<string, Json>> {
    const { inMessages, inBytes, outMessages, outBytes } = client
    // In whole microseconds.
    const rtt = Math.trunc(client.rttMs * 1000) * 1000
    return {
      ...eventHead('advisory.v1.client_disconnect', atMs),
      ...this.system.signed({
        client: this.describe(client, { rtt: unlessEmpty(rtt), stop: goTime(atMs) }),
        sent: { msgs: inMessages, bytes: inBytes },
        received: { msgs: outMessages, bytes: outBytes },
        reason,
      }),
    }
  }

  private describe(client: ClientFacts, end: { readonly rtt?: Json; readonly stop?: string }): Json {
    const { account, options } = client
    const { identity } = client.login
    return {
      start: goTime(this.shard.wallClock(client.startMs)),
      host: client.ip,
      id: client.id,
      acc: account.name,
      user: unlessEmpty(identity?.user ?? rawUser(client)),
      name: unlessEmpty(options.name),
      lang: unlessEmpty(options.lang),
      ver: unlessEmpty(options.version),
      rtt: end.rtt,
      stop: end.stop,
      jwt: unlessEmpty(identity?.token?.jwt ?? options.jwt),
      issuer_key: unlessEmpty(identity?.token?.issuer ?? ''),
      name_tag: this.shard.admission.accountTag(account.name),
      tags: identity === undefined || identity.tags.length === 0 ? undefined : identity.tags,
      kind: 'Client',
      client_type: client.clientType,
    }
  }
}

/** The user that a refused connection claimed; never a secret. */
function rawUser({ options }: ClientFacts): string {
  const { nkey, user, jwt, token } = options
  if (nkey !== '') return nkey
  if (user !== '' || jwt !== '') return user
  return token === '' ? '' : '[REDACTED]'
}
