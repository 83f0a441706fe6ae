// Leaf nodes whose users and accounts are tokens of an operator, and those that a callout service decides about, with
// Heddle and nats-server at each end. Hub and leaf node have operators of their own.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode, encodeAuthorizationResponse, encodeUser } from '@nats-io/jwt'
import { createAccount, fromPublic, type KeyPair } from '@nats-io/nkeys'
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type Msg,
  type NatsConnection,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { dial } from '../support/harness.ts'
import { TestAccount, TestOperator, type TokenUser } from '../support/operator.ts'
import { missing } from '../support/peers.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Party, settled, untilLinked } from './parties.ts'
import { heddle, type Kind, leafPortOf, NATS_SERVER, start } from './servers.ts'

const HAS_PEER = !missing('natsServer', 'leaf nodes of operators beside nats-server')
const PAIRS: readonly (readonly [hub: Kind, leaf: Kind])[] = [
  [heddle(2), heddle(2)],
  [heddle(0), heddle(0)],
  ...(HAS_PEER
    ? ([
        [NATS_SERVER, heddle(2)],
        [heddle(0), NATS_SERVER],
      ] as const)
    : []),
]
const HUBS: readonly Kind[] = [heddle(2), heddle(0), ...(HAS_PEER ? [NATS_SERVER] : [])]

const LISTENS = 'leafnodes { listen: "127.0.0.1:-1", compression: off }'
const DENIED = "-ERR 'Authorization Violation'\r\n"
const FULL = "-ERR 'maximum account active connections exceeded'\r\n"
const soon = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

/** Of an operator whose accounts these are, each as its token is. */
async function operatorOf(...accounts: readonly TestAccount[]): Promise<TestOperator> {
  const operator = new TestOperator()
  for (const account of accounts) await operator.sign(account)
  return operator
}

/** A client that may do everything in an account. */
async function partyOf(server: ServerProgram, account: TestAccount): Promise<Party> {
  const { jwt } = await account.user({ bearer_token: true })
  return Party.at(server, { jwt })
}

/** A remote into the local account, by a file of credentials. */
function remote(folder: string, port: number, local: TestAccount, { creds, key }: TokenUser, user = ''): string {
  const file = join(folder, `${key.getPublicKey()}.creds`)
  writeFileSync(file, creds)
  return `{ url: "nats://${user}127.0.0.1:${port}", account: ${local.id}, credentials: "${file}" }`
}

const remotes = (...list: readonly string[]): string =>
  `leafnodes { reconnect: "100ms", remotes: [ ${list.join('\n')} ] }`

describe.each(PAIRS.map((kinds) => [kinds[0].name, kinds[1].name, kinds] as const))(
  'hub %s, leaf %s',
  (_h, _l, kinds) => {
    test('accounts are joined one to one', async () => {
      const folder = scratchDirectory()
      const [a, b] = [new TestAccount('A'), new TestAccount('B')]
      const [x, y] = [new TestAccount('X'), new TestAccount('Y')]
      const [above, below] = [await operatorOf(a, b), await operatorOf(x, y)]
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      const port = await leafPortOf(hub)
      const list = [remote(folder, port, x, await a.user()), remote(folder, port, y, await b.user())]
      const leaf = await start(kinds[1], folder, 'LEAF', `${remotes(...list)}\n${await below.config()}`)
      const [ofA, ofB] = [await partyOf(hub, a), await partyOf(hub, b)]
      const [ofX, ofY] = [await partyOf(leaf, x), await partyOf(leaf, y)]
      for (const party of [ofA, ofB, ofX, ofY]) await party.subscribe('m')
      for (const [up, down] of [
        [ofA, ofX],
        [ofB, ofY],
      ] as const) {
        await untilLinked(up, down)
        await untilLinked(down, up)
      }
      ofX.publish('m', 'of X')
      ofB.publish('m', 'of B')
      await settled(ofX, ofA)
      await settled(ofB, ofY)
      expect([ofA, ofX, ofB, ofY].map((party) => party.on('m'))).toEqual([['of X'], ['of X'], ['of B'], ['of B']])
    })

    test('permissions of the user’s token hold for what passes', async () => {
      const folder = scratchDirectory()
      const [a, x] = [new TestAccount('A'), new TestAccount('X')]
      const [above, below] = [await operatorOf(a), await operatorOf(x)]
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      const user = await a.user({
        pub: { allow: ['up.>', 'probe.>'], deny: [] },
        sub: { allow: [], deny: ['secret.>'] },
      })
      const one = remote(folder, await leafPortOf(hub), x, user)
      const leaf = await start(kinds[1], folder, 'LEAF', `${remotes(one)}\n${await below.config()}`)
      const [atHub, atLeaf] = [await partyOf(hub, a), await partyOf(leaf, x)]
      for (const party of [atHub, atLeaf])
        for (const subject of ['up.x', 'other.x', '*.y']) await party.subscribe(subject)
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
      for (const subject of ['up.x', 'other.x', 'secret.y']) {
        atLeaf.publish(subject, 'from below')
        atHub.publish(subject, 'from above')
      }
      await settled(atLeaf, atHub)
      await settled(atHub, atLeaf)
      const heard = (party: Party, text: string): string[] =>
        party.heard.filter(({ payload }) => payload.toString() === text).map(({ subject }) => subject)
      expect(heard(atHub, 'from below')).toEqual(['up.x'])
      expect(heard(atLeaf, 'from above').sort()).toEqual(['other.x', 'up.x'])
    })

    test('a hub is told of the imports of an account that has no clients', async () => {
      const folder = scratchDirectory()
      const [a, x, y] = [new TestAccount('A'), new TestAccount('X'), new TestAccount('Y')]
      const [above, below] = [await operatorOf(a), await operatorOf()]
      await below.sign(y, { exports: [{ name: 'there', subject: 'there', type: 'service' }] })
      await below.sign(x, {
        imports: [{ name: 'there', subject: 'there', account: y.id, type: 'service', local_subject: 'here' }],
      })
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      const one = remote(folder, await leafPortOf(hub), x, await a.user())
      const leaf = await start(kinds[1], folder, 'LEAF', `${remotes(one)}\n${await below.config()}`)
      const [asks, serves] = [await partyOf(hub, a), await partyOf(leaf, y)]
      await serves.subscribe('there')
      await until('a request to come', () => {
        asks.publish('here', 'a request', 'answer')
        return serves.count('there') > 0
      })
    })

    test('an account has no more leaf links than it may, whoever has dialled', async () => {
      const folder = scratchDirectory()
      const [a, b, c] = [new TestAccount('A'), new TestAccount('B'), new TestAccount('C')]
      const [x, y] = [new TestAccount('X'), new TestAccount('Y')]
      const [above, below] = [await operatorOf(b, c), await operatorOf(y)]
      await above.sign(a, { limits: { leaf: 1 } })
      await below.sign(x, { limits: { leaf: 1 } })
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      const port = await leafPortOf(hub)
      const ofA = await a.user()
      const full = `${remotes(remote(folder, port, y, ofA))}\n${await below.config()}`
      const first = await start(kinds[1], folder, 'FIRST', full)
      await untilLinked(await partyOf(hub, a), await partyOf(first, y))
      const second = await start(kinds[1], folder, 'SECOND', full)
      await second.until(/Leafnode Error 'maximum account active connections exceeded'/)
      const two = [remote(folder, port, x, await b.user()), remote(folder, port, x, await c.user())]
      await start(kinds[1], folder, 'THIRD', `${remotes(...two)}\n${await below.config()}`)
      await hub.until(/Leafnode Error 'maximum account active connections exceeded'/)
    })

    test('the link of an account that ends here is closed, and the other end is told why', async () => {
      const folder = scratchDirectory()
      const [a, x] = [new TestAccount('A'), new TestAccount('X')]
      const [above, below] = [await operatorOf(a), await operatorOf()]
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      const one = remote(folder, await leafPortOf(hub), x, await a.user())
      await below.sign(x, {}, { exp: soon(10) })
      await start(kinds[1], folder, 'LEAF', `${remotes(one)}\n${await below.config()}`)
      await hub.until(/Leafnode Error 'Account Authentication Expired'/)
    })

    test('a remote of an account that there is not is not joined', async () => {
      const folder = scratchDirectory()
      const [a, unknown] = [new TestAccount('A'), new TestAccount('UNKNOWN')]
      const [above, below] = [await operatorOf(a), await operatorOf()]
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      const one = remote(folder, await leafPortOf(hub), unknown, await a.user())
      const leaf = await start(kinds[1], folder, 'LEAF', `${remotes(one)}\n${await below.config()}`)
      await leaf.until(new RegExp(`Unable to lookup account ${unknown.id} for solicited leafnode connection`))
    })

    test('a callout service decides about leaf nodes', async () => {
      const folder = scratchDirectory()
      const issuer = createAccount()
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${askingConfig(issuer)}`)
      const asked = await serve(hub, usernamePasswordAuthenticator('auth', 'auth'), issuer, async ({ nats }) => {
        const { user, pass } = nats.connect_opts
        if (pass !== 'right') return undefined
        const rights = user === 'limited' ? { pub: { allow: ['up.>', 'probe.>'], deny: [] } } : {}
        return encodeUser(user ?? '', fromPublic(nats.user_nkey), issuer, rights, { aud: 'A' })
      })
      const port = await leafPortOf(hub)
      const withUser = (user: string): string =>
        `leafnodes { reconnect: "100ms", remotes: [ { url: "nats://${user}@127.0.0.1:${port}" } ] }`
      const limited = await start(kinds[1], folder, 'LEAF', withUser('limited:right'))
      const [atHub, atLeaf] = [await Party.at(hub, { user: 'a', pass: 'right' }), await Party.at(limited)]
      for (const subject of ['up.x', 'other.x']) await atHub.subscribe(subject)
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
      for (const subject of ['up.x', 'other.x']) atLeaf.publish(subject)
      await settled(atLeaf, atHub)
      expect([atHub.count('up.x'), atHub.count('other.x')]).toEqual([1, 0])
      const { client_info: shown } = asked.find(({ nats }) => nats.connect_opts.user === 'limited')?.nats ?? {}
      expect(shown).toMatchObject({ kind: 'Leafnode', user: 'limited', name: 'LEAF', host: '127.0.0.1' })
      expect(shown).not.toHaveProperty('type')

      const refused = await start(kinds[1], folder, 'REFUSED', withUser('limited:wrong'))
      await refused.until(/Leafnode Error 'Authorization Violation'/)
    })

    test('the account of an operator asks a callout service about leaf nodes', async () => {
      const folder = scratchDirectory()
      const [asking, a, x] = [new TestAccount('AUTH'), new TestAccount('A'), new TestAccount('X')]
      const [above, below] = [await operatorOf(a), await operatorOf(x)]
      const [auth, sentinel] = [await asking.user(), await asking.user()]
      await above.sign(asking, {
        authorization: { auth_users: [auth.key.getPublicKey()], allowed_accounts: [a.id] },
      })
      const hub = await start(kinds[0], folder, 'HUB', `${LISTENS}\n${await above.config()}`)
      await serve(hub, credsAuthenticator(auth.creds), asking.key, async ({ nats }) => {
        const { user, pass } = nats.connect_opts
        return pass === 'right' ? encodeUser(user ?? '', fromPublic(nats.user_nkey), a.key, {}, {}) : undefined
      })
      const port = await leafPortOf(hub)
      const withUser = async (user: string): Promise<string> =>
        `${remotes(remote(folder, port, x, sentinel, `${user}@`))}\n${await below.config()}`
      const leaf = await start(kinds[1], folder, 'LEAF', await withUser('joe:right'))
      const [atHub, atLeaf] = [await partyOf(hub, a), await partyOf(leaf, x)]
      await untilLinked(atHub, atLeaf)
      await untilLinked(atLeaf, atHub)
      const refused = await start(kinds[1], folder, 'REFUSED', await withUser('joe:wrong'))
      await refused.until(/Leafnode Error 'Authorization Violation'/)
    })
  },
)

// ── What a hub says ───────────────────────────────────────────────────────────────────────────────────────────

/** A leaf node that has sent CONNECT as this user, with these members besides. */
async function comeAs(port: number, user?: TokenUser, members: object = {}): Promise<RawClient> {
  const client = await dial(port)
  const { nonce } = await client.readInfo()
  const sig = user && Buffer.from(user.key.sign(Buffer.from(String(nonce)))).toString('base64url')
  const said = { version: '2.15.3', name: 'RAW', server_id: 'RAW', cluster: '', headers: true, jwt: user?.jwt, sig }
  client.send(`CONNECT ${JSON.stringify({ ...said, ...members })}\r\nPING\r\n`)
  return client
}

const IS_IN = /^INFO \{[^\r]*"connect_info":true[^\r]*\} ?\r\n[\s\S]*PONG\r\n/

/** The answer to CONNECT, to its end. */
const refusalOf = async (client: RawClient): Promise<string> => (await client.readToClose()).toString()

describe.each(HUBS.map((kind) => [kind.name, kind] as const))('hub %s', (_, kind) => {
  test('who may not come in is told so, and no more', async () => {
    const folder = scratchDirectory()
    const [a, none, unknown] = [new TestAccount('A'), new TestAccount('NONE'), new TestAccount('UNKNOWN')]
    const operator = await operatorOf()
    const revoked = await a.user()
    await operator.sign(a, { revocations: { [revoked.key.getPublicKey()]: soon(60) } })
    await operator.sign(none, { limits: { leaf: 0 } })
    const hub = await start(kind, folder, 'HUB', `${LISTENS}\n${await operator.config()}`)
    const port = await leafPortOf(hub)
    const refused: Readonly<Record<string, readonly [TokenUser | undefined, object?]>> = {
      'no token': [undefined],
      'a name and a password': [undefined, { user: 'a', pass: 'a' }],
      'an account that there is not': [await unknown.user()],
      'no signature': [await a.user(), { sig: undefined }],
      'a wrong signature': [await a.user(), { sig: Buffer.alloc(64).toString('base64url') }],
      'a token that has ended': [await a.user({}, { exp: soon(-10) })],
      'a token that is revoked': [revoked],
      'another kind of connection': [await a.user({ allowed_connection_types: ['STANDARD'] })],
      'another address': [await a.user({ src: ['10.0.0.0/8'] })],
    }
    for (const [why, [user, members]] of Object.entries(refused)) {
      expect(await refusalOf(await comeAs(port, user, members)), why).toBe(DENIED)
    }
    expect(await refusalOf(await comeAs(port, await none.user()))).toBe(FULL)
    const admitted: readonly (readonly [TokenUser, object?])[] = [
      [await a.user()],
      [await a.user({ allowed_connection_types: ['LEAFNODE'] })],
      [await a.user({ bearer_token: true }), { sig: undefined }],
    ]
    for (const [user, members] of admitted) await (await comeAs(port, user, members)).expectMatch(IS_IN)
  })

  test('a token that ends takes its leaf node along, and so does one of an account', async () => {
    const folder = scratchDirectory()
    const [a, ending] = [new TestAccount('A'), new TestAccount('ENDING')]
    const operator = await operatorOf(a)
    await operator.sign(ending, {}, { exp: soon(10) })
    const hub = await start(kind, folder, 'HUB', `${LISTENS}\n${await operator.config()}`)
    const port = await leafPortOf(hub)
    const ofUser = await comeAs(port, await a.user({}, { exp: soon(3) }))
    const ofAccount = await comeAs(port, await ending.user())
    for (const client of [ofUser, ofAccount]) await client.expectMatch(IS_IN)
    expect(await refusalOf(ofUser)).toMatch(/-ERR 'User Authentication Expired'\r\n$/)
    expect(await refusalOf(ofAccount)).toMatch(/-ERR 'Account Authentication Expired'\r\n$/)
  })

  test('a user who is revoked by a reload is told so, and the others stay', async () => {
    const folder = scratchDirectory()
    const a = new TestAccount('A')
    const operator = await operatorOf(a)
    const config = async (): Promise<string> => `${LISTENS}\n${await operator.config()}`
    const hub = await start(kind, folder, 'HUB', await config())
    const port = await leafPortOf(hub)
    const [joe, mary] = [await a.user(), await a.user()]
    const [ofJoe, ofMary] = [await comeAs(port, joe), await comeAs(port, mary, { name: 'MARY' })]
    for (const client of [ofJoe, ofMary]) await client.expectMatch(IS_IN)
    await operator.sign(a, { revocations: { [joe.key.getPublicKey()]: soon(60) } })
    writeFileSync(join(folder, 'HUB.conf'), `server_name: HUB\n${await config()}\n`)
    hub.child.kill('SIGHUP')
    expect(await refusalOf(ofJoe)).toMatch(/-ERR 'User Authentication Revoked'\r\n$/)
    await hub.until(/Reloaded server configuration/)
    ofMary.send('PING\r\n')
    await ofMary.expectMatch(/PONG\r\n/)
  })

  test('leaf nodes are asked about whichever account they are of, clients only where it is allowed', async () => {
    const issuer = createAccount()
    const hub = await start(kind, scratchDirectory(), 'HUB', `${LISTENS}\n${askingConfig(issuer)}`)
    const asked = await serve(hub, usernamePasswordAuthenticator('auth', 'auth'), issuer, async ({ nats }) =>
      encodeUser('x', fromPublic(nats.user_nkey), issuer, {}, { aud: 'A' }),
    )
    const leaf = await comeAs(await leafPortOf(hub), undefined, { user: 'b', pass: 'b' })
    const [, info] = await leaf.expectMatch(/^INFO (\{[^\r]*\})/)
    expect(JSON.parse(info).remote_account).toBe('A')
    await Party.at(hub, { user: 'b', pass: 'b' })
    expect(asked.map(({ nats }) => nats.client_info.kind)).toEqual(['Leafnode'])
  })
})

// ── Callouts ──────────────────────────────────────────────────────────────────────────────────────────────────

interface Asked {
  readonly nats: {
    readonly user_nkey: string
    readonly server_id: { readonly id: string }
    readonly client_info: { readonly kind: string }
    readonly connect_opts: { readonly user?: string; readonly pass?: string }
  }
}

/** A hub whose service, `auth`, decides about all but clients of the account B. */
function askingConfig(issuer: KeyPair): string {
  return `accounts {
      AUTH { users: [ {user: auth, password: auth} ] }
      A {}
      B { users: [ {user: b, password: b} ] }
    }
    authorization { auth_callout {
      issuer: ${issuer.getPublicKey()}, account: AUTH, auth_users: [auth], allowed_accounts: [AUTH]
    } }`
}

/** Answers each question by the token that `decide` gives, or by a refusal. Resolves with what has been asked so far. */
async function serve(
  { port }: ServerProgram,
  authenticator: Authenticator,
  signer: KeyPair,
  decide: (asked: Asked) => Promise<string | undefined>,
): Promise<readonly Asked[]> {
  const service: NatsConnection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, authenticator })
  onTestFinished(() => service.close())
  const all: Asked[] = []
  const answer = async (message: Msg): Promise<void> => {
    const asked = decode(message.string()) as unknown as Asked
    all.push(asked)
    const [user, server] = [fromPublic(asked.nats.user_nkey), fromPublic(asked.nats.server_id.id)]
    const jwt = await decide(asked)
    const said = jwt === undefined ? { error: 'no' } : { jwt }
    message.respond(Buffer.from(await encodeAuthorizationResponse(user, server, signer, said, {})))
  }
  service.subscribe('$SYS.REQ.USER.AUTH', { callback: (_, message) => void answer(message) })
  await service.flush()
  return all
}
