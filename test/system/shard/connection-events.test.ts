// What is told of connections, to a system account in which the test listens.

import { expect, test } from 'vitest'
import { Account } from '../../../src/accounts/account.ts'
import { identity } from '../../../src/auth/identity.ts'
import { CloseReason } from '../../../src/base/errors.ts'
import type { Json } from '../../../src/base/json.ts'
import type { ClientFacts } from '../../../src/connection/facts.ts'
import type { LeafFacts } from '../../../src/leaf/contract.ts'
import { ConnectionEvents } from '../../../src/system/shard/connection-events.ts'
import { clientFacts, connectOptions, OPEN, WEB_SOCKET } from '../../connection/facts.ts'

const ACCOUNT = new Account('A')
const CALLOUT = new Account('AUTH')
const AT_MS = Date.UTC(2020, 0, 1)

type Event = Record<string, Record<string, unknown>>

/** `heard`: who listens to counts of connections. */
function stage({ isHeard = true, callout }: { isHeard?: boolean; callout?: string } = {}) {
  const told: { subject: string; account: Account | undefined; event: Event }[] = []
  const changed: (readonly string[])[] = []
  const bugs: unknown[] = []
  const shard = {
    identity: { serverId: 'N' },
    options: { authorization: callout === undefined ? undefined : ({ callout: { account: callout } } as never) },
    accounts: { named: (name: string) => (name === CALLOUT.name ? CALLOUT : new Account(name)) },
    admission: { accountTag: (name: string) => `tag of ${name}` },
    nowMs: 2_000,
    bugMet: (error: unknown) => void bugs.push(error),
    wallClock: (ms: number) => AT_MS + ms,
    wake: () => undefined,
  }
  const system = {
    isHeard: () => isHeard,
    announce: (subject: string, event: () => Readonly<Record<string, Json>>, account?: Account): void => {
      told.push({ subject, account, event: JSON.parse(JSON.stringify(event())) as Event })
    },
    signed: (content: Readonly<Record<string, Json>>) => ({ server: 'N', ...content }),
  }
  const events = new ConnectionEvents(shard, system, (accounts) => void changed.push(accounts))
  return { events, told, changed, bugs, shard, system }
}

function client(members: Partial<ClientFacts> = {}): ClientFacts {
  const login = { greeting: OPEN, nonce: '', identity: identity('password', 'joe', 'A') }
  return clientFacts({ account: ACCOUNT, login, connectReceived: true, ...members })
}

function leaf(members: Partial<LeafFacts> = {}): LeafFacts {
  const traffic = { inMessages: 1, inBytes: 10, outMessages: 2, outBytes: 20 }
  const who = { user: 'joe', name: 'LEAF', version: '2.15.3', token: undefined, tags: [] }
  return { id: 7, ip: '10.1.2.3', account: ACCOUNT, startMs: 1_000, rttMs: 0, ...traffic, ...who, ...members }
}

const subjects = ({ told }: ReturnType<typeof stage>): string[] => told.map(({ subject }) => subject)
const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('nothing is told while the operation at hand goes on; then all is, in its order', async () => {
  const staged = stage()
  staged.events.connected(client())
  staged.events.closed(client(), CloseReason.clientClosed)
  expect(staged.told).toEqual([])
  await nextTurn()
  expect(subjects(staged)).toEqual(['$SYS.ACCOUNT.A.CONNECT', '$SYS.ACCOUNT.A.DISCONNECT'])
  await nextTurn()
  expect(staged.told).toHaveLength(2)
})

test('one that has come is told of with who it is and how it came', async () => {
  const { events, told } = stage()
  const options = connectOptions({ name: 'n', lang: 'go', version: '1' })
  events.connected(client({ options, webSocket: WEB_SOCKET }))
  await nextTurn()
  const [{ event }] = told
  expect(event['type']).toBe('io.nats.server.advisory.v1.client_connect')
  expect(event['client']).toEqual({
    start: '2020-01-01T00:00:01Z',
    host: '10.1.2.3',
    id: 7,
    acc: 'A',
    user: 'joe',
    name: 'n',
    lang: 'go',
    ver: '1',
    name_tag: 'tag of A',
    kind: 'Client',
    client_type: 'websocket',
  })
})

test('one that has gone is told of from its own point of view, with why and when', async () => {
  const { events, told } = stage()
  events.closed(client({ inMessages: 1, inBytes: 10, outMessages: 2, outBytes: 20 }), CloseReason.staleConnection)
  await nextTurn()
  expect(told[0].event).toMatchObject({
    type: 'io.nats.server.advisory.v1.client_disconnect',
    client: { stop: '2020-01-01T00:00:02Z' },
    sent: { msgs: 1, bytes: 10 },
    received: { msgs: 2, bytes: 20 },
    reason: 'Stale Connection',
  })
})

test('it is told when it happened, not when it is told', async () => {
  const { events, told, shard } = stage()
  events.closed(client(), CloseReason.clientClosed)
  shard.nowMs = 9_000
  await nextTurn()
  expect(told[0].event['client']).toMatchObject({ stop: '2020-01-01T00:00:02Z' })
})

const NOBODY = { greeting: OPEN, nonce: '', identity: undefined }

test.each([
  ['authentication', CloseReason.authentication, true],
  ['a proxy that is not trusted', CloseReason.proxyNotTrusted, true],
  ['a proxy that is missing', CloseReason.proxyRequired, true],
  ['time', CloseReason.authenticationTimeout, false],
  ['the end of its identity', CloseReason.authenticationExpired, false],
])('one that failed by %s is told of as an authentication error, or is not one', async (_, reason, isError) => {
  const staged = stage()
  staged.events.closed(client({ login: NOBODY }), reason)
  await nextTurn()
  const error = ['$SYS.ACCOUNT.CLIENT.AUTH.ERR', '$SYS.ACCOUNT.A.DISCONNECT', '$SYS.SERVER.N.CLIENT.AUTH.ERR']
  expect(subjects(staged)).toEqual(isError ? error : ['$SYS.ACCOUNT.A.DISCONNECT'])
})

test('an account hears of a failed login only if CONNECT had come; with a callout it is the callout’s account', async () => {
  const silent = stage()
  silent.events.closed(client({ login: NOBODY, connectReceived: false }), CloseReason.authentication)
  const called = stage({ callout: 'AUTH' })
  called.events.closed(client({ login: NOBODY }), CloseReason.authentication)
  await nextTurn()
  expect(subjects(silent)).not.toContain('$SYS.ACCOUNT.CLIENT.AUTH.ERR')
  expect(called.told[0]).toMatchObject({ subject: '$SYS.ACCOUNT.CLIENT.AUTH.ERR', account: CALLOUT })
})

test.each([
  ['a token', { token: 'secret' }, '[REDACTED]'],
  ['a password', { user: 'joe', password: 'secret' }, 'joe'],
  ['an nkey', { nkey: 'UABC', signature: 'secret' }, 'UABC'],
  ['nothing', {}, undefined],
])('of one that was not let in with %s no secret is told', async (_, said, user) => {
  const { events, told } = stage()
  events.closed(client({ login: NOBODY, options: connectOptions(said) }), CloseReason.authentication)
  await nextTurn()
  expect(told.length).toBe(3)
  for (const { event } of told) {
    expect(event['client']['user']).toBe(user)
    expect(JSON.stringify(event)).not.toContain('secret')
  }
})

test('accounts of which connections came or went are named once, if somebody listens', async () => {
  const other = new Account('B')
  const [heard, unheard] = [stage(), stage({ isHeard: false })]
  for (const { events } of [heard, unheard]) {
    for (let i = 0; i < 3; i++) events.connected(client())
    events.closed(client({ account: other }), CloseReason.clientClosed)
  }
  await nextTurn()
  expect(heard.changed).toEqual([['A', 'B']])
  expect(unheard.changed).toEqual([])
})

test('one that was never in an account does not change it, and nobody counts the account of all the others', async () => {
  const { events, changed } = stage()
  events.closed(client({ login: NOBODY }), CloseReason.authentication)
  events.connected(client({ account: new Account('$G') }))
  await nextTurn()
  expect(changed).toEqual([])
})

test('the names of accounts are byte strings in subjects', async () => {
  const staged = stage()
  staged.events.connected(client({ account: new Account('Ü') }))
  await nextTurn()
  expect(subjects(staged)).toEqual([`$SYS.ACCOUNT.${Buffer.from('Ü').toString('latin1')}.CONNECT`])
})

test('a bug with one event costs that event: the others are told, and so are those that come later', async () => {
  const staged = stage()
  const { events, system, bugs, changed } = staged
  const { announce } = system
  system.announce = () => {
    system.announce = announce
    throw new Error('a bug')
  }
  events.connected(client())
  events.closed(client(), CloseReason.clientClosed)
  await nextTurn()
  expect(bugs).toHaveLength(1)
  expect(subjects(staged)).toEqual(['$SYS.ACCOUNT.A.DISCONNECT'])
  expect(changed).toEqual([['A']])
  events.connected(client())
  await nextTurn()
  expect(staged.told).toHaveLength(2)
})

test('a leaf node is told of with who it is; a hub that this server has dialled has said nothing of that', async () => {
  const { events, told, changed } = stage()
  events.connected(leaf())
  events.connected(leaf({ user: '', name: '', version: '' }))
  await nextTurn()
  expect(told.map(({ subject }) => subject)).toEqual(['$SYS.ACCOUNT.A.CONNECT', '$SYS.ACCOUNT.A.CONNECT'])
  const link = {
    start: '2020-01-01T00:00:01Z',
    host: '10.1.2.3',
    id: 7,
    acc: 'A',
    name_tag: 'tag of A',
    kind: 'Leafnode',
  }
  const [known, dialled] = told.map(({ event }) => event['client'])
  expect(known).toEqual({ ...link, user: 'joe', name: 'LEAF', ver: '2.15.3' })
  expect(dialled).toEqual(link)
  expect(changed).toEqual([['A']])
})

test('a leaf link that has ended is told of from the point of view of the other end', async () => {
  const { events, told, changed } = stage()
  events.closed(leaf({ rttMs: 1.5 }), CloseReason.clientClosed)
  await nextTurn()
  expect(told).toMatchObject([
    {
      subject: '$SYS.ACCOUNT.A.DISCONNECT',
      event: {
        client: { kind: 'Leafnode', rtt: 1_500_000, stop: '2020-01-01T00:00:02Z' },
        sent: { msgs: 1, bytes: 10 },
        received: { msgs: 2, bytes: 20 },
        reason: 'Client Closed',
      },
    },
  ])
  expect(changed).toEqual([['A']])
})

test('of a leaf node that was not let in no account hears', async () => {
  const staged = stage()
  staged.events.closed(leaf({ account: undefined }), CloseReason.authentication)
  staged.events.closed(leaf({ account: undefined }), CloseReason.protocolViolation)
  await nextTurn()
  expect(subjects(staged)).toEqual(['$SYS.SERVER.N.CLIENT.AUTH.ERR'])
  const { client } = staged.told[0].event
  expect(client).toMatchObject({ acc: 'N/A', user: 'joe', kind: 'Leafnode' })
  expect(client).not.toHaveProperty('name_tag')
  expect(staged.changed).toEqual([])
})
