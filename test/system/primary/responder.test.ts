// The desk for requests to the server itself, with services that need little of a server, and a context for which a
// test lets them wait.

import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { SYSTEM_REQUESTS_AT_ONCE } from '../../../src/base/constants.ts'
import type { Json } from '../../../src/base/json.ts'
import { normaliseOptions } from '../../../src/config/normalise.ts'
import type { PageContext } from '../../../src/monitor/page.ts'
import { SilentShards } from '../../../src/monitor/sources/shard-reports.ts'
import type { Options } from '../../../src/options/options.ts'
import type { SystemAnswer, SystemRequest } from '../../../src/system/contract.ts'
import type { DeskOwner } from '../../../src/system/primary/owner.ts'
import { SystemResponder } from '../../../src/system/primary/responder.ts'
import type { ServiceName } from '../../../src/system/service-names.ts'
import { identity } from '../../support/identity.ts'

const NO_CONTEXT = {} as PageContext

interface Asked extends Partial<Omit<SystemRequest, 'service' | 'body'>> {
  readonly body?: string
}

/** A desk; what its server was told to do, and the errors in the log. */
function desk() {
  const events: string[] = []
  const errors: string[] = []
  const staged = {
    context: async (): Promise<PageContext> => NO_CONTEXT,
    server: {
      identity: identity({ serverId: 'NID', serverName: 'Alpha', host: 'h.example' }),
      options: normaliseOptions({ serverTags: ['Blue', 'eu'] }),
      log: { error: (text: string) => void errors.push(text) },
    },
    signed: (content: Readonly<Record<string, Json>>) => ({ server: 'Alpha', ...content }),
    announcements: { stats: async () => void events.push('told the numbers') },
  }
  // No more of a server than these services look at.
  const responder = new SystemResponder(staged as unknown as DeskOwner)
  const ask = (name: ServiceName, { body = '', ...more }: Asked = {}): Promise<SystemAnswer | undefined> =>
    responder.answer({
      service: { name, account: '' },
      asker: 'SYS',
      hasReply: true,
      acceptEncoding: '',
      body: Buffer.from(body),
      ...more,
    })
  return { staged, events, errors, ask }
}

function said(answer: SystemAnswer | undefined): unknown {
  const { payloads } = answer ?? expect.fail('nothing was answered')
  expect(payloads).toHaveLength(1)
  return JSON.parse(Buffer.from(payloads[0]).toString())
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

// ── What is answered ────────────────────────────────────────────────────────────────────────────────────

test('data come in an envelope that says which server answers', async () => {
  const answer = await desk().ask('RAFTZ')
  expect(said(answer)).toEqual({ server: 'Alpha', data: {} })
  expect(answer?.headers).toEqual({})
})

test('an answer that is bare has no envelope, and reads no body and no filter', async () => {
  const answer = await desk().ask('IDZ', { body: '{"server_name":"another"}', acceptEncoding: 'gzip' })
  expect(answer?.headers).toEqual({})
  expect(said(answer)).toEqual({ name: 'Alpha', host: 'h.example', id: 'NID' })
})

test('data are packed as the request accepts it, and an error never is', async () => {
  const { ask } = desk()
  const packed = await ask('RAFTZ', { acceptEncoding: 'gzip' })
  expect(packed?.headers).toEqual({ 'Content-Encoding': 'gzip' })
  expect(gunzipSync(packed?.payloads[0] ?? '').toString()).toContain('"data"')
  for (const refused of [
    await ask('ACCOUNT.JSZ', { acceptEncoding: 'gzip' }),
    await ask('RAFTZ', { acceptEncoding: 'gzip', body: '[]' }),
  ]) {
    expect(refused?.headers).toEqual({})
    expect(said(refused)).toHaveProperty('error')
  }
})

test('a service that has nothing to say leaves the request without an answer', async () => {
  const { ask, errors } = desk()
  expect(await ask('USER.INFO')).toBeUndefined()
  expect(errors).toEqual([])
})

test('a body that cannot be read is refused, in Go’s words', async () => {
  const answer = await desk().ask('RAFTZ', { body: '{"account":1}' })
  expect(said(answer)).toEqual({
    server: 'Alpha',
    error: { code: 400, description: expect.stringContaining('cannot unmarshal number') },
  })
})

test('without a reply subject only such a service works that has an effect', async () => {
  const { staged, events, ask } = desk()
  let contexts = 0
  staged.context = async () => {
    contexts++
    return NO_CONTEXT
  }
  expect(await ask('RAFTZ', { hasReply: false })).toBeUndefined()
  expect(await ask('ACCOUNT.JSZ', { hasReply: false })).toBeUndefined()
  expect([contexts, events]).toEqual([0, []])
  expect(await ask('STATSZ', { hasReply: false })).toBeUndefined()
  expect([contexts, events]).toEqual([1, ['told the numbers']])
})

// ── Filters ─────────────────────────────────────────────────────────────────────────────────────────────

test.each([
  ['{"server_name":"lph"}', true],
  ['{"server_name":"lph","exact_match":true}', false],
  ['{"server_name":"Alpha","exact_match":true}', true],
  ['{"server_name":"alpha"}', false],
  ['{"host":"example"}', true],
  ['{"host":"example","exact_match":true}', false],
  ['{"host":"other"}', false],
  ['{"cluster":"c"}', false],
  ['{"domain":"d"}', false],
  ['{"cluster":"","domain":"","tags":[]}', true],
  ['{"tags":["EU","blue"]}', true],
  ['{"tags":["eu","red"]}', false],
  ['{"server_name":"Alpha","host":"other"}', false],
])('the filter %s means this server: %s', async (body, isMeant) => {
  const answer = await desk().ask('RAFTZ', { body })
  expect(answer !== undefined).toBe(isMeant)
})

test.each([
  ['{"cluster":"eas"}', true],
  ['{"cluster":"eas","exact_match":true}', false],
  ['{"cluster":"east","exact_match":true}', true],
  ['{"cluster":"west"}', false],
  ['{"domain":"hub"}', true],
  ['{"domain":"hu"}', false],
])('the filter %s means a member of the cluster east in the domain hub: %s', async (body, isMeant) => {
  const { ask, staged } = desk()
  const { server } = staged
  // No more of the block than a filter looks at.
  server.options = { ...server.options, jetstream: { domain: 'hub' } as Options['jetstream'] }
  const cluster = { name: 'east', isDynamic: false, host: 'h', port: 1, ip: '', ownUrls: [] }
  staged.server = { ...server, identity: identity({ ...server.identity, cluster }) }
  expect((await ask('RAFTZ', { body })) !== undefined).toBe(isMeant)
})

// ── Bugs and bounds ─────────────────────────────────────────────────────────────────────────────────────

test('a bug costs the request: it has no answer, and the log says which', async () => {
  const { staged, errors, ask } = desk()
  staged.context = async () => {
    throw new Error('a bug')
  }
  expect(await ask('RAFTZ')).toBeUndefined()
  expect(errors).toEqual([expect.stringMatching(/^Error answering the system account's request RAFTZ: Error: a bug\n/)])
  staged.context = async () => NO_CONTEXT
  expect(said(await ask('RAFTZ'))).toHaveProperty('data')
})

test('shards that do not answer are no bug: the one who asks is told which', async () => {
  const { staged, errors, ask } = desk()
  staged.context = async () => {
    throw new SilentShards([2, 3])
  }
  const answer = await ask('RAFTZ', { acceptEncoding: 'gzip' })
  expect(said(answer)).toEqual({
    server: 'Alpha',
    error: { code: 503, description: 'no answer from shard 2, 3: the page would not be complete' },
  })
  expect([answer?.headers, errors]).toEqual([{}, []])
})

test('a bug in telling of silent shards costs the request, as any other', async () => {
  const { staged, errors, ask } = desk()
  staged.context = async () => {
    throw new SilentShards([2])
  }
  staged.signed = () => {
    throw new Error('a bug')
  }
  expect(await ask('RAFTZ')).toBeUndefined()
  expect(errors).toEqual([expect.stringContaining('RAFTZ: Error: a bug')])
})

test('a few are worked on at once; the others wait, and begin in their order, also where one ends by a bug', async () => {
  const { staged, ask, errors } = desk()
  const begun: PromiseWithResolvers<PageContext>[] = []
  staged.context = () => {
    const one = Promise.withResolvers<PageContext>()
    begun.push(one)
    return one.promise
  }
  const ends: number[] = []
  const asked = Array.from({ length: SYSTEM_REQUESTS_AT_ONCE + 3 }, (_, number) =>
    ask('RAFTZ').then((answer) => {
      ends.push(number)
      return answer
    }),
  )
  await turn()
  expect(begun).toHaveLength(SYSTEM_REQUESTS_AT_ONCE)
  begun[4].reject(new Error('a bug'))
  await asked[4]
  await turn()
  expect(begun).toHaveLength(SYSTEM_REQUESTS_AT_ONCE + 1)
  begun[SYSTEM_REQUESTS_AT_ONCE].resolve(NO_CONTEXT)
  await asked[SYSTEM_REQUESTS_AT_ONCE]
  expect(ends).toEqual([4, SYSTEM_REQUESTS_AT_ONCE])
  await turn()
  expect(begun).toHaveLength(SYSTEM_REQUESTS_AT_ONCE + 2)
  for (let number = 0; number < asked.length; number++) {
    begun[number].resolve(NO_CONTEXT)
    await asked[number]
    await turn()
  }
  expect([ends.length, errors.length]).toEqual([asked.length, 1])
})

test('places are not lost: when all have ended, as many begin at once as before, and no more', async () => {
  const { staged, ask } = desk()
  const all = (): Promise<unknown>[] => Array.from({ length: 3 * SYSTEM_REQUESTS_AT_ONCE }, () => ask('RAFTZ'))
  await Promise.all(all())
  let begun = 0
  const { promise, resolve } = Promise.withResolvers<PageContext>()
  staged.context = () => {
    begun++
    return promise
  }
  const asked = all()
  await turn()
  expect(begun).toBe(SYSTEM_REQUESTS_AT_ONCE)
  resolve(NO_CONTEXT)
  await Promise.all(asked)
  expect(begun).toBe(asked.length)
})
