import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { AuthFaults } from '../../src/auth/identity.ts'
import {
  type Answerers,
  type AnswerMessage,
  QuestionDesk,
  type QuestionMessage,
  Questions,
} from '../../src/threads/primary-rpc.ts'

const nothing: Answerers = {
  password: async () => 'mismatch',
  account: async () => undefined,
  certificate: async () => false,
  custom: async () => ({ fault: AuthFaults.violation, cause: '' }),
  streams: async () => ({}),
  rules: async () => ({ fault: AuthFaults.violation, cause: '' }),
  route: async () => undefined,
  leaf: async () => undefined,
  system: async () => undefined,
}

function rethrow(error: unknown): void {
  throw error
}

describe('a shard and the primary', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  /** Over a real port, so that all that is said can be cloned. */
  function connected(answerers: Partial<Answerers>): { questions: Questions; desk: QuestionDesk } {
    const { port1, port2 } = new MessageChannel()
    const questions = new Questions((message) => port1.postMessage(message))
    const desk = new QuestionDesk({ ...nothing, ...answerers }, (message) => port2.postMessage(message), rethrow)
    port1.on('message', (message: AnswerMessage) => questions.receive(message))
    port2.on('message', (message: QuestionMessage) => desk.receive(message))
    closers.push(() => port1.close())
    return { questions, desk }
  }

  it('ask and answer questions of each kind', async () => {
    const { questions } = connected({
      password: async ({ hash, password }) => (hash === 'h' && password === 'p' ? 'match' : 'mismatch'),
      account: async ({ key }) => `token of ${key}`,
    })
    expect(await questions.verify('h', 'p')).toBe('match')
    expect(await questions.verify('h', 'q')).toBe('mismatch')
    expect(await questions.ask('account', { key: 'A' })).toBe('token of A')
  })

  it('give each answer to whoever asked, in whatever order they come', async () => {
    const release: Record<string, (jwt: string) => void> = {}
    const { questions } = connected({
      account: ({ key }) =>
        new Promise((resolve) => {
          release[key] = resolve
          if (key === 'b') resolve('B')
        }),
    })
    const first = questions.ask('account', { key: 'a' })
    expect(await questions.ask('account', { key: 'b' })).toBe('B')
    release['a']('A')
    expect(await first).toBe('A')
  })

  it('let go of what nobody waits for', async () => {
    let asked: AbortSignal | undefined
    const { questions } = connected({
      password: (_, gone) => {
        asked = gone
        return new Promise((resolve) => gone.addEventListener('abort', () => resolve('gone')))
      },
    })
    const gone = new AbortController()
    const verdict = questions.verify('h', 'p', gone.signal)
    expect(await questions.ask('account', { key: 'a' })).toBeUndefined()
    gone.abort()
    expect(await verdict).toBe('gone')
    expect(await questions.ask('account', { key: 'a' })).toBeUndefined()
    expect(asked?.aborted).toBe(true)
    expect(await questions.verify('h', 'p', gone.signal)).toBe('gone')
  })

  it('answer nothing to a shard that has died', async () => {
    const replies: AnswerMessage[] = []
    let release: (jwt: string) => void = () => undefined
    const desk = new QuestionDesk(
      { ...nothing, account: () => new Promise((resolve) => (release = resolve)) },
      (message) => replies.push(message),
      rethrow,
    )
    desk.receive({ kind: 'ask', id: 1, about: 'account', question: { key: 'a' } })
    desk.close()
    release('late')
    await Promise.resolve()
    await Promise.resolve()
    expect(replies).toEqual([])
  })
})
