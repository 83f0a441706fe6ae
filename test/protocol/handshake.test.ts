import { expect, test } from 'vitest'
import { NATS_VERSION } from '../../src/base/constants.ts'
import { parseConnect } from '../../src/protocol/connect.ts'
import {
  type ConnectOptions,
  defaultConnectOptions,
  encodeInfo,
  type ServerIdentity,
} from '../../src/protocol/handshake.ts'
import { chooseSeed, Random } from '../support/random.ts'

const DEFAULTS = defaultConnectOptions()
const parse = (json: string): ConnectOptions | undefined => parseConnect(json, defaultConnectOptions())

/** Wire name, our name, a value other than the default. */
const MEMBERS: readonly (readonly [wire: string, key: keyof ConnectOptions, value: string | number | boolean])[] = [
  ['verbose', 'verbose', false],
  ['pedantic', 'pedantic', false],
  ['echo', 'echo', false],
  ['headers', 'headers', true],
  ['no_responders', 'noResponders', true],
  ['protocol', 'protocol', 1],
  ['name', 'name', 'workshop'],
  ['lang', 'lang', 'go'],
  ['version', 'version', '1.47.0'],
  ['account', 'account', 'A'],
  ['new_account', 'newAccount', true],
  ['user', 'user', 'u'],
  ['pass', 'password', 'p'],
  ['auth_token', 'token', 't'],
  ['nkey', 'nkey', 'n'],
  ['sig', 'signature', 's'],
  ['jwt', 'jwt', 'j'],
  ['proxy_sig', 'proxySignature', 'p'],
]
/** Members that are checked for type and otherwise ignored. */
const IGNORED: readonly (readonly [wire: string, value: string | boolean])[] = [['tls_required', true]]

// ── What is accepted ────────────────────────────────────────────────────────────────────────────────────

const HELLO = { authRequired: false, nonce: '' }

test('a client that says nothing is verbose and pedantic and hears its own messages', () => {
  expect(parse('{}')).toEqual({
    verbose: true,
    pedantic: true,
    echo: true,
    headers: false,
    noResponders: false,
    protocol: 0,
    name: '',
    lang: '',
    version: '',
    user: '',
    password: '',
    token: '',
    jwt: '',
    nkey: '',
    signature: '',
    proxySignature: '',
    account: '',
    newAccount: false,
  })
})

test.each(MEMBERS)('%s is taken over as it stands', (wire, key, value) => {
  expect(parse(JSON.stringify({ [wire]: value }))).toEqual({ ...DEFAULTS, [key]: value })
})

test.each(MEMBERS)('%s is known in any letter case, as Go reads it', (wire, key, value) => {
  for (const name of [wire.toUpperCase(), wire[0].toUpperCase() + wire.slice(1), alternateCase(wire)]) {
    expect(parse(JSON.stringify({ [name]: value })), name).toEqual({ ...DEFAULTS, [key]: value })
  }
})

function alternateCase(text: string): string {
  return [...text].map((char, i) => (i % 2 === 0 ? char : char.toUpperCase())).join('')
}

test.each(MEMBERS)('null leaves %s as it was', (wire, key, value) => {
  const current = { ...DEFAULTS, [key]: value }
  expect(parseConnect(JSON.stringify({ [wire]: null }), current)).toEqual(current)
})

test.each(IGNORED)('%s is accepted and changes nothing', (wire, value) => {
  expect(parse(JSON.stringify({ [wire]: value }))).toEqual(DEFAULTS)
})

test('null in place of an object changes nothing', () => {
  expect(parse('null')).toEqual(DEFAULTS)
})

test('members that nobody knows are ignored, whatever they are', () => {
  const unknown = { imports: [1, { a: null }], '': 1, 1: 2, constructor: 'x', toString: 1, hasOwnProperty: false }
  expect(parse(JSON.stringify(unknown))).toEqual(DEFAULTS)
})

test('of members that stand twice the last counts', () => {
  expect(parse('{"verbose":false,"verbose":true}')?.verbose).toBe(true)
  expect(parse('{"verbose":true,"verbose":false}')?.verbose).toBe(false)
  expect(parse('{"verbose":true,"VERBOSE":false}')?.verbose).toBe(false)
  expect(parse('{"VERBOSE":false,"verbose":true}')?.verbose).toBe(true)
})

test('absent members keep what an earlier CONNECT said', () => {
  const first = parse('{"verbose":false,"name":"a","headers":true}') as ConnectOptions
  expect(parseConnect('{"name":"b"}', first)).toEqual({ ...first, name: 'b' })
})

test('the options in force are not touched', () => {
  const current = Object.freeze(defaultConnectOptions())
  expect(parseConnect('{"verbose":false}', current)).not.toBe(current)
  expect(parseConnect('{}', current)).not.toBe(current)
  expect(current).toEqual(DEFAULTS)
})

test('texts may hold anything, also NUL; halves of surrogate pairs are replaced', () => {
  expect(parse('{"name":"\\ud800"}')?.name).toBe('\ufffd')
  expect(parse('{"name":"\\udc00\\ud800"}')?.name).toBe('\ufffd\ufffd')
  expect(parse('{"name":"a\\u0000\\r\\nb"}')?.name).toBe('a\0\r\nb')
  expect(parse('{"n\\u0061me":"escaped"}')?.name).toBe('escaped')
})

test('any whole number is a protocol; whether it is a good one others decide', () => {
  for (const protocol of [0, 1, 2, -1, 2 ** 53 - 1]) expect(parse(`{"protocol":${protocol}}`)?.protocol).toBe(protocol)
})

test('blanks around and inside the JSON do not matter', () => {
  expect(parse(' \t{ "verbose" :\tfalse } \t')?.verbose).toBe(false)
})

test('nesting in a member that nobody knows is accepted to a sensible depth, and brackets in texts do not count', () => {
  const nested = `${'['.repeat(90)}${']'.repeat(90)}`
  expect(parse(`{"x":${nested}}`)).toEqual(DEFAULTS)
  const brackets = `\\"${'[{'.repeat(3000)}\\\\`
  expect(parse(`{"name":"${brackets}"}`)?.name).toHaveLength(6002)
})

// ── What is refused ─────────────────────────────────────────────────────────────────────────────────────

test.each([
  ['nothing', ''],
  ['blanks', '  '],
  ['a number', '42'],
  ['a text', '"x"'],
  ['a truth value', 'true'],
  ['a list', '[]'],
  ['a list of an object', '[{}]'],
  ['an object that is cut', '{"verbose":'],
  ['an object and something else', '{} x'],
  ['two objects', '{}{}'],
  ['single quotes', "{'verbose':false}"],
  ['names without quotes', '{verbose:false}'],
  ['a comma too many', '{"verbose":false,}'],
  ['a comment', '{"verbose":false /* ! */}'],
  ['NaN', '{"protocol":NaN}'],
  ['a raw control character in a text', '{"name":"a\nb"}'],
  ['a byte order mark', '\ufeff{}'],
  ['a prototype in place of JSON', '__proto__'],
])('%s is no CONNECT', (_, json) => {
  expect(parse(json)).toBeUndefined()
})

test.each([...MEMBERS.map(([wire, , value]) => [wire, value] as const), ...IGNORED])(
  '%s of a wrong type is refused',
  (wire, right) => {
    for (const wrong of [true, 'x', '', 1, 0.5, [], [right], {}, { a: right }]) {
      if (typeof wrong === typeof right && wrong !== 0.5) continue
      expect(parse(JSON.stringify({ [wire]: wrong })), JSON.stringify(wrong)).toBeUndefined()
    }
  },
)

test.each(['1e400', '-1e400', '0.5', '1e-1', '9223372036854775808', '1e20', '1.0', '"1"'])(
  'protocol %s is refused',
  (text) => {
    expect(parse(`{"protocol":${text}}`)).toBeUndefined()
  },
)

test('a wrong type of a known member is refused wherever it stands, and in any letter case', () => {
  expect(parse('{"name":"a","verbose":false,"PEDANTIC":"no"}')).toBeUndefined()
})

test.each([
  ['lists', '[', ']'],
  ['objects', '{"a":', '}'],
  ['lists and objects', '[{"a":', '}]'],
])('4,000 nested %s are accepted, more than 10,000 are not', (_, opening, closing) => {
  expect(parse(`{"x":${opening.repeat(4000)}1${closing.repeat(4000)}}`)).toEqual(DEFAULTS)
  expect(parse(`{"x":${opening.repeat(4000)}`)).toBeUndefined()
  expect(parse(`{"x":${opening.repeat(10_000)}1${closing.repeat(10_000)}}`)).toBeUndefined()
  expect(parse(opening.repeat(100_000))).toBeUndefined()
})

// ── Prototypes ──────────────────────────────────────────────────────────────────────────────────────────

const prototypeMembers = (): string => JSON.stringify(Reflect.ownKeys(Object.prototype).map(String))

test('no member reaches a prototype', () => {
  const before = prototypeMembers()
  const attacks = [
    '{"__proto__":{"verbose":false,"polluted":1}}',
    '{"__proto__":null}',
    '{"__PROTO__":{"polluted":1}}',
    '{"constructor":{"prototype":{"polluted":1}}}',
    '{"prototype":{"polluted":1}}',
    '{"\\u005f_proto__":{"polluted":1}}',
    '{"__proto__":{"__proto__":{"polluted":1}},"__proto__":1}',
  ]
  for (const json of attacks) {
    const options = parse(json)
    expect(options, json).toEqual(DEFAULTS)
    expect(Object.getPrototypeOf(options)).toBe(Object.prototype)
    expect(Object.keys(options ?? {})).toEqual(Object.keys(DEFAULTS))
  }
  expect(prototypeMembers()).toBe(before)
  expect('polluted' in {}).toBe(false)
})

// ── Mutants ─────────────────────────────────────────────────────────────────────────────────────────────

const SEEDS = [
  '{"verbose":false,"pedantic":false,"tls_required":false,"name":"NATS CLI","lang":"go","protocol":1,"echo":true}',
  '{"headers":true,"no_responders":true,"user":"a","pass":"b","auth_token":"c","nkey":"d","sig":"e","jwt":"f"}',
  '{"account":"","new_account":false,"version":"1.0","unknown":[1,2,{"a":[null]}],"__proto__":{"x":1}}',
  '{"name":"\\ud83d\\ude00 \\ud800 \\u0000 ü","VERBOSE":null,"protocol":1e400}',
  `{"x":${'['.repeat(50)}${']'.repeat(50)}}`,
]
const TOKENS = [
  ...['{', '}', '[', ']', '"', ',', ':', '\\', '\\u', 'null', 'true', 'false', '0', '-1', '1e400', '1e-400', '0.5'],
  ...['"__proto__":', '"constructor":', '"verbose":', '"PROTOCOL":', '"name":', '\ud800', '\0', '\ufeff', ' ', '\t'],
  ...['9007199254740993', '{}', '[]', '""', '"\\ud800"', '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[', '{"a":'],
]

function mutant(random: Random): string {
  let json = random.pick(SEEDS)
  const changes = 1 + random.below(5)
  for (let i = 0; i < changes; i++) {
    const at = random.below(json.length + 1)
    const to = random.chance(0.5) ? at : Math.min(json.length, at + random.below(10))
    const by = random.chance(0.7) ? random.pick(TOKENS) : String.fromCharCode(random.below(0x180))
    json = json.slice(0, at) + by.repeat(random.chance(0.1) ? 150 : 1) + json.slice(to)
  }
  return json
}

test('20,000 mutants neither throw, nor change what holds, nor bring values of wrong types', () => {
  const random = new Random(chooseSeed('CONNECT mutants'))
  const before = prototypeMembers()
  const current = Object.freeze(defaultConnectOptions())
  let accepted = 0
  for (let i = 0; i < 20_000; i++) {
    const json = mutant(random)
    const story = `seed ${random.seed}, mutant ${i}: ${JSON.stringify(json)}`
    let options: ConnectOptions | undefined
    try {
      options = parseConnect(json, current)
    } catch (error) {
      throw new Error(`${story} threw`, { cause: error })
    }
    if (options === undefined) continue
    accepted++
    if (Object.keys(options).join() !== Object.keys(DEFAULTS).join()) expect.fail(story)
    for (const [key, value] of Object.entries(options)) {
      if (typeof value !== typeof DEFAULTS[key as keyof ConnectOptions]) expect.fail(`${story}: ${key}`)
    }
    if (!Number.isSafeInteger(options.protocol)) expect.fail(story)
    JSON.parse(json) // what is accepted is JSON
  }
  expect(accepted).toBeGreaterThan(100)
  expect(current).toEqual(DEFAULTS)
  expect(prototypeMembers()).toBe(before)
})

// ── INFO ────────────────────────────────────────────────────────────────────────────────────────────────

const IDENTITY: ServerIdentity = {
  serverId: 'NABC',
  serverName: 'loom',
  host: '0.0.0.0',
  port: 4222,
  headers: true,
  maxPayload: 1024,
  lameDuck: false,
}

function infoOf(bytes: Buffer): Record<string, unknown> {
  const text = bytes.toString()
  expect(text.startsWith('INFO {')).toBe(true)
  expect(text.endsWith('} \r\n')).toBe(true)
  expect(text.indexOf('\r')).toBe(text.length - 2)
  return JSON.parse(text.slice(5))
}

test('the first INFO names server, limits and the connection, and ends in a blank and CRLF', () => {
  expect(infoOf(encodeInfo(IDENTITY, 7, '127.0.0.1', HELLO))).toEqual({
    server_id: 'NABC',
    server_name: 'loom',
    version: NATS_VERSION,
    proto: 1,
    go: expect.any(String),
    host: '0.0.0.0',
    port: 4222,
    headers: true,
    max_payload: 1024,
    client_id: 7,
    client_ip: '127.0.0.1',
  })
})

test('the INFO after the first PONG names the account besides', () => {
  const first = infoOf(encodeInfo(IDENTITY, 7, '::1', HELLO))
  expect(infoOf(encodeInfo(IDENTITY, 7, '::1', { ...HELLO, account: '$G' }))).toEqual({
    ...first,
    connect_info: true,
    remote_account: '$G',
  })
  expect(infoOf(encodeInfo(IDENTITY, 7, '::1', { ...HELLO, account: 'SYS', isSystem: true }))).toEqual({
    ...first,
    connect_info: true,
    remote_account: 'SYS',
    acc_is_sys: true,
  })
})

test('a server name of any letters stays inside its line', () => {
  const name = 'Wébstuhl "7"\r\nPING'
  expect(infoOf(encodeInfo({ ...IDENTITY, serverName: name }, 1, '', HELLO))).toMatchObject({ server_name: name })
})
