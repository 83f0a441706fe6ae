// The server's own requests, answered by those who listen in the account.

import { beforeEach, describe, expect, test } from 'vitest'
import { Account } from '../../src/accounts/account.ts'
import { ServerRequests } from '../../src/services/server-requests.ts'
import { ServiceStage } from './stage.ts'

const ACCOUNT = new Account('AUTH')

let stage: ServiceStage
let requests: ServerRequests
beforeEach(() => {
  stage = new ServiceStage()
  requests = new ServerRequests(stage)
})

async function ask(
  payload = 'ask',
  { account = ACCOUNT, timeoutMs = 1_000_000, gone = undefined as AbortSignal | undefined } = {},
) {
  const message = { account, subject: 'svc', headers: { A: 'b' }, payload: Buffer.from(payload), timeoutMs }
  const answer = await requests.ask(message, gone)
  return answer === undefined ? undefined : Buffer.from(answer).toString()
}

/** Entries of the list besides those that the test made. */
const listening = (own = 1): number => stage.sublist.count - own

describe('an answer', () => {
  test('is the first that comes at the reply subject, without its headers', async () => {
    const heard = stage.listen(ACCOUNT, 'svc')
    const answer = ask()
    expect(heard).toMatchObject([{ header: 'NATS/1.0\r\nA: b\r\n\r\n', payload: 'ask' }])
    const [{ reply }] = heard
    expect(reply).toMatch(/^\$SYS\._INBOX\.[\w-]{8}\.\w+$/)
    stage.publish(ACCOUNT, reply, 'first', { headers: { B: 'c' } })
    stage.publish(ACCOUNT, reply, 'second')
    expect(await answer).toBe('first')
    expect(stage.scheduled).toBe(1)
  })

  test('that comes within the request is one as well, and its bytes are its own', async () => {
    stage.listen(ACCOUNT, 'svc', ({ payload }) => `${payload} answered`)
    expect(await Promise.all(['a', 'b', 'c'].map((payload) => ask(payload)))).toEqual(
      ['a', 'b', 'c'].map((payload) => `${payload} answered`),
    )
    expect(stage.pool.outstanding).toBe(0)
  })

  test('belongs to its own request, in whatever order they come; one listener an account is enough', async () => {
    const heard = stage.listen(ACCOUNT, 'svc')
    const answers = ['a', 'b', 'c'].map((payload) => ask(payload))
    for (const { reply, payload } of heard.reverse()) stage.publish(ACCOUNT, reply, `to ${payload}`)
    expect(await Promise.all(answers)).toEqual(['to a', 'to b', 'to c'])
    expect(listening()).toBe(1)
  })
})

describe('there is none', () => {
  test('if nobody listens in that account', async () => {
    stage.listen(new Account('other'), 'svc', () => 'wrong')
    expect(await ask()).toBeUndefined()
  })

  test('if it does not come in time; one that comes too late is nobody’s', async () => {
    const heard = stage.listen(ACCOUNT, 'svc')
    expect(await ask('ask', { timeoutMs: 4 })).toBeUndefined()
    expect(stage.publish(ACCOUNT, heard[0].reply, 'late')).toBe(1)
    expect(await ask('ask', { timeoutMs: 4 })).toBeUndefined()
  })

  test('before the one who wanted it goes, or if it has gone already, and then nothing is asked', async () => {
    const heard = stage.listen(ACCOUNT, 'svc')
    const gone = new AbortController()
    const answer = ask('ask', { gone: gone.signal })
    gone.abort()
    expect(await answer).toBeUndefined()
    expect(await ask('ask', { gone: gone.signal })).toBeUndefined()
    expect(heard).toHaveLength(1)
  })

  test('if it could not be heard, as the index is full; when there is room, there is one again', async () => {
    const heard = stage.listen(ACCOUNT, 'svc', () => 'answer')
    stage.sublist.isFull = true
    expect(await ask()).toBeUndefined()
    expect(heard).toEqual([])
    stage.sublist.isFull = false
    expect(await ask()).toBe('answer')
  })
})
