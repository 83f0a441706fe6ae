import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { REGION_BYTES, SHARDS_MAX } from '../../src/base/constants.ts'
import { normaliseOptions, OptionError } from '../../src/config/normalise.ts'
import { defaultWorkers } from '../../src/config/table/settings-server.ts'
import type { ServerOptions } from '../../src/options/options.ts'

test('what is not given has the defaults of nats-server, but for the host', () => {
  expect(normaliseOptions({})).toMatchObject({
    host: '127.0.0.1',
    port: 4222,
    monitorPort: undefined,
    name: '',
    workers: defaultWorkers(availableParallelism()),
    debug: false,
    trace: false,
    log: 'none',
    maxControlLine: 4096,
    maxPayload: 1024 * 1024,
    maxPending: 64 * 1024 * 1024,
    maxConnections: 65_536,
    maxSubscriptions: 0,
    maxSubscriptionTokens: 0,
    pingInterval: 120_000,
    pingMax: 2,
    writeDeadline: 10_000,
    maxClosedClients: 10_000,
  })
})

test('one processor is left to everything but the shards', () => {
  expect([1, 2, 3, 4, 16, 10_000].map(defaultWorkers)).toEqual([1, 1, 2, 3, 15, 16])
})

test('what is given is taken over, and the rest completed', () => {
  const given: ServerOptions = { host: '::1', port: 5000, name: 'loom', workers: 0, debug: true, maxPayload: 100 }
  expect(normaliseOptions(given)).toMatchObject({ ...given, trace: false, maxControlLine: 4096 })
})

test('options are frozen, and what was given is left alone', () => {
  const given = Object.freeze({ port: 1 })
  const options = normaliseOptions(given)
  expect(Object.isFrozen(options)).toBe(true)
  expect(given).toEqual({ port: 1 })
})

test.each(['port', 'monitorPort'] as const)('%s 0 means any free one, as -1 does', (name) => {
  expect(normaliseOptions({ [name]: 0 })).toEqual(normaliseOptions({ [name]: -1 }))
})

test('monitoring is off unless a port is named', () => {
  expect(normaliseOptions({}).monitorPort).toBeUndefined()
  expect(normaliseOptions({ monitorPort: 8222 }).monitorPort).toBe(8222)
  expect(normaliseOptions({ monitorPort: -1 }).monitorPort).toBe(-1)
})

const BOUNDS: readonly (readonly [name: keyof ServerOptions, least: number, most: number])[] = [
  ['port', -1, 65_535],
  ['monitorPort', -1, 65_535],
  ['workers', 0, SHARDS_MAX],
  ['maxControlLine', 64, 16 * 1024 * 1024],
  ['maxPayload', 0, 64 * 1024 * 1024],
  ['maxPending', 2 * 1024 * 1024, Number.MAX_SAFE_INTEGER],
  ['maxConnections', 0, 2 ** 31 - 1],
  ['maxSubscriptions', 0, 2 ** 31 - 1],
  ['maxSubscriptionTokens', 0, 255],
  ['pingInterval', 1, 2 ** 31 - 1],
  ['pingMax', 0, 2 ** 31 - 1],
  ['writeDeadline', 1, 2 ** 31 - 1],
  ['maxClosedClients', 0, 2 ** 31 - 1],
  ['maxInterestBytes', REGION_BYTES, 2 * 1024 * 1024 * 1024],
]

test.each(BOUNDS)('%s may be as small and as large as its bounds', (name, least, most) => {
  for (const value of [least, most]) {
    expect(normaliseOptions({ [name]: value })[name], `${value}`).toBe(value)
  }
})

test.each(BOUNDS.filter(([name]) => name !== 'maxPending'))('%s below its bound is refused by name', (name, least) => {
  const refuse = (): unknown => normaliseOptions({ [name]: least - 1 })
  expect(refuse).toThrow(OptionError)
  expect(refuse).toThrow(name)
})

test.each(['port', 'monitorPort', 'workers', 'maxControlLine', 'maxPayload', 'maxSubscriptionTokens', 'pingInterval'])(
  '%s beyond its bound, a fraction, or no number at all is refused by name',
  (name) => {
    for (const value of [2 ** 32, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '4222', true, [], {}, 10n]) {
      const refuse = (): unknown => normaliseOptions({ [name]: value } as ServerOptions)
      expect(refuse, String(value)).toThrow(OptionError)
      expect(refuse, String(value)).toThrow(name)
    }
  },
)

test.each(['a b', ' a', 'a\t', 'a\nb', '\u00a0'])('a server name with blanks is refused: %j', (name) => {
  expect(() => normaliseOptions({ name })).toThrow('server name cannot contain spaces')
})

test('a payload that no connection could be sent is refused', () => {
  expect(() => normaliseOptions({ maxPayload: 101, maxPending: 100 })).toThrow(
    'max_payload (101) cannot be higher than max_pending (100)',
  )
  expect(normaliseOptions({ maxPayload: 100, maxPending: 100 }).maxPending).toBe(100)
})

test('an option error says that it is one', () => {
  expect(() => normaliseOptions({ port: 65_536 })).toThrow(
    expect.objectContaining({
      name: 'OptionError',
      message: 'port must be a whole number from -1 to 65535, not 65536',
    }),
  )
})

test.each([
  ['host', 4222],
  ['debug', 'yes'],
  ['log', 'file'],
  ['logFormat', 'xml'],
  ['logFile', true],
  ['serverTags', 'one'],
  ['serverTags', [1]],
  ['serverMetadata', { a: 1 }],
  ['serverMetadata', []],
  ['authorization', () => undefined],
  ['authorization', null],
])('%s of a wrong kind is refused by name: %j', (name, value) => {
  const refuse = (): unknown => normaliseOptions({ [name]: value } as ServerOptions)
  expect(refuse).toThrow(OptionError)
  expect(refuse).toThrow(name)
})

test('all of them are plain data that can go to another thread, frozen to the ground', () => {
  const options = normaliseOptions({ serverTags: ['a'], serverMetadata: { b: 'c' } })
  expect(structuredClone(options)).toEqual(options)
  expect(Object.isFrozen(options.serverTags) && Object.isFrozen(options.serverMetadata)).toBe(true)
})

test('what was given may change afterwards', () => {
  const tags = ['a']
  const options = normaliseOptions({ serverTags: tags })
  tags.push('b')
  expect(options.serverTags).toEqual(['a'])
})
