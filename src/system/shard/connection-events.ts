// Events of connections (docs/reference/system-account.md, "Events of connections"): connects, disconnects, refused
// logins, and changed numbers of an account, of clients and of leaf links. Each shard publishes those of its own.
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
import { unlessEmpty, unlessNone } from '../../base/json.ts'
import type { ClientFacts, ClientType } from '../../connection/facts.ts'
import type { LeafFacts } from '../../leaf/contract.ts'
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

/** The account of a leaf node that was not let in. */
const NO_ACCOUNT = 'N/A'

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

type Connection = ClientFacts | LeafFacts

interface Happened {
  readonly connection: Connection
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

  /** A client is authenticated, or a leaf link bound to an account. */
  connected(connection: Connection): void {
    this.note(connection, undefined)
  }

  closed(connection: Connection, reason: CloseReason): void {
    this.note(connection, reason)
  }

  private note(connection: Connection, reason: CloseReason | undefined): void {
    const atMs = this.shard.wallClock(this.shard.nowMs)
    if (this.happened.push({ connection, reason, atMs }) === 1)
      setImmediate(guarded(this.shard.bugMet, () => this.tellAll()))
  }

  private tellAll(): void {
    const { happened, shard } = this
    this.happened = []
    shard.wake()
    const changed = new Set<Account>()
    for (const { connection, reason, atMs } of happened) {
      const account = accountOf(connection)
      if (account !== undefined) changed.add(account)
      attempt(shard.bugMet, () => {
        if (reason === undefined) this.tellConnect(connection, atMs)
        else this.tellClosed(connection, reason, atMs)
      })
    }
    const heard = [...changed].filter(({ name }) => name !== GLOBAL_ACCOUNT && this.isCountHeard(name))
    if (heard.length > 0) this.onConnectionsChanged(heard.map(({ name }) => name))
  }

  private isCountHeard(account: string): boolean {
    return connectionSubjects(account).some((subject) => this.system.isHeard(subject))
  }

  // ── One connection ────────────────────────────────────────────────────────────────────────────────────

  private tellConnect(connection: Connection, atMs: number): void {
    const { account } = connection
    if (account === undefined) return
    this.system.announce(`$SYS.ACCOUNT.${byteString(account.name)}.CONNECT`, () => ({
      ...eventHead('advisory.v1.client_connect', atMs),
      ...this.system.signed({ client: this.describe(connection, {}) }),
    }))
  }

  private tellClosed(connection: Connection, reason: CloseReason, atMs: number): void {
    const { account } = connection
    const { system, shard } = this
    const event = (): Readonly<Record<string, Json>> => this.describeEnd(connection, reason, atMs)
    const isRefused = AUTH_ERRORS.has(reason)
    if (isRefused && isClient(connection) && connection.connectReceived) {
      const callout = shard.options.authorization?.callout?.account
      const told = callout === undefined ? account : shard.accounts.named(callout)
      system.announce('$SYS.ACCOUNT.CLIENT.AUTH.ERR', event, told)
    }
    if (account !== undefined) system.announce(`$SYS.ACCOUNT.${byteString(account.name)}.DISCONNECT`, event)
    if (isRefused) system.announce(`$SYS.SERVER.${shard.identity.serverId}.CLIENT.AUTH.ERR`, event)
  }

  /** From the point of view of the other end: what it sent, and what it received. */
  private describeEnd(connection: Connection, reason: CloseReason, atMs: number): Readonly<Record<string, Json>> {
    const { inMessages, inBytes, outMessages, outBytes } = connection
    // In whole microseconds.
    const rtt = Math.trunc(connection.rttMs * 1000) * 1000
    return {
      ...eventHead('advisory.v1.client_disconnect', atMs),
      ...this.system.signed({
        client: this.describe(connection, { rtt: unlessEmpty(rtt), stop: goTime(atMs) }),
        sent: { msgs: inMessages, bytes: inBytes },
        received: { msgs: outMessages, bytes: outBytes },
        reason,
      }),
    }
  }

  private describe(connection: Connection, end: { readonly rtt?: Json; readonly stop?: string }): Json {
    const { startMs, ip, id, account } = connection
    const { user, name, lang, version, jwt, issuer, tags, kind, clientType } = isClient(connection)
      ? ofClient(connection)
      : ofLeaf(connection)
    return {
      start: goTime(this.shard.wallClock(startMs)),
      host: ip,
      id,
      acc: account?.name ?? NO_ACCOUNT,
      user: unlessEmpty(user),
      name: unlessEmpty(name),
      lang: unlessEmpty(lang),
      ver: unlessEmpty(version),
      rtt: end.rtt,
      stop: end.stop,
      jwt: unlessEmpty(jwt),
      issuer_key: unlessEmpty(issuer),
      name_tag: account && this.shard.admission.accountTag(account.name),
      tags: unlessNone(tags),
      kind,
      client_type: clientType,
    }
  }
}

/** The account that it was let into; undefined: none. */
function accountOf(connection: Connection): Account | undefined {
  return isClient(connection) && connection.login.identity === undefined ? undefined : connection.account
}

function isClient(connection: Connection): connection is ClientFacts {
  return 'login' in connection
}

/** Who is at the other end; texts are empty where that is not known. */
interface Who {
  readonly user: string
  readonly name: string
  readonly lang: string
  readonly version: string
  readonly jwt: string
  readonly issuer: string
  readonly tags: readonly string[]
  readonly kind: 'Client' | 'Leafnode'
  readonly clientType?: ClientType
}

function ofClient(client: ClientFacts): Who {
  const { options, clientType } = client
  const { name, lang, version } = options
  const { identity } = client.login
  return {
    user: identity?.user ?? rawUser(client),
    name,
    lang,
    version,
    jwt: identity?.token?.jwt ?? options.jwt,
    issuer: identity?.token?.issuer ?? '',
    tags: identity?.tags ?? [],
    kind: 'Client',
    clientType,
  }
}

function ofLeaf({ user, name, version, token, tags }: LeafFacts): Who {
  const { jwt = '', issuer = '' } = token ?? {}
  return { user, name, lang: '', version, jwt, issuer, tags, kind: 'Leafnode' }
}

/** The user that a refused connection claimed; never a secret. */
function rawUser({ options }: ClientFacts): string {
  const { nkey, user, jwt, token } = options
  if (nkey !== '') return nkey
  if (user !== '' || jwt !== '') return user
  return token === '' ? '' : '[REDACTED]'
}
