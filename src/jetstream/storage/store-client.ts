// The service of a store thread for another thread: calls and answers over a MessagePort. When a store thread has died
// and another has taken its place, calls without an answer are made again: each of them may be made twice. One over
// which two of them were stuck fails.

import type { MessagePort } from 'node:worker_threads'
import { guarded, type OnBug } from '../../base/guarded.ts'
import { during } from './heartbeat.ts'
import type { Recovered } from './recovery.ts'
import type { StoreService } from './store-service.ts'

type Call = keyof StoreService

const CALLS: Readonly<Record<Call, true>> = {
  recover: true,
  seal: true,
  compact: true,
  removedIn: true,
  streams: true,
  putStream: true,
  moveStream: true,
  deleteStream: true,
  placeOf: true,
  consumers: true,
  putConsumers: true,
  deleteConsumer: true,
}

interface Request {
  readonly id: number
  readonly call: Call
  readonly args: readonly unknown[]
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | undefined } }

interface Waiting {
  readonly request: Request
  /** A store thread was stuck over it. */
  wasStuck: boolean
  resolve(result: unknown): void
  reject(error: Error): void
}

// ── The side that asks ──────────────────────────────────────────────────────────────────────────────────────

export class StoreClient {
  readonly service: StoreService
  private readonly waiting = new Map<number, Waiting>()
  private readonly bugMet: OnBug
  private port: MessagePort | undefined
  private lastId = 0

  constructor(bugMet: OnBug) {
    this.bugMet = bugMet
    const names = Object.keys(CALLS) as Call[]
    const call = (name: Call) => [name, (...args: readonly unknown[]) => this.call(name, args)]
    // What the calls take and give is what the other side's service takes and gives.
    this.service = Object.fromEntries(names.map(call)) as unknown as StoreService
  }

  /** The service is at the other end of this port from now on. `stuckCall`: the one before was stuck over this call. */
  connected(port: MessagePort, stuckCall?: number): void {
    this.port?.close()
    if (stuckCall !== undefined) this.noteStuck(stuckCall)
    this.port = port
    port.on(
      'message',
      guarded(this.bugMet, (answer: Answer) => this.take(answer)),
    )
    // A call that waits keeps nobody from ending.
    port.unref()
    for (const { request } of this.waiting.values()) port.postMessage(request)
  }

  close(): void {
    this.port?.close()
    for (const { reject } of this.waiting.values()) reject(new Error('the store is closed'))
    this.waiting.clear()
  }

  private call(call: Call, args: readonly unknown[]): Promise<unknown> {
    const request = { id: ++this.lastId, call, args }
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { request, wasStuck: false, resolve, reject })
      this.port?.postMessage(request)
    })
  }

  private noteStuck(call: number): void {
    const waiting = this.waiting.get(call)
    if (waiting?.wasStuck === true) {
      this.waiting.delete(call)
      waiting.reject(new Error('it stops the store thread'))
    } else if (waiting !== undefined) waiting.wasStuck = true
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.id)
    if (waiting === undefined) return
    this.waiting.delete(answer.id)
    if ('error' in answer) {
      const { message, code } = answer.error
      waiting.reject(Object.assign(new Error(message), { code }))
      return
    }
    waiting.resolve(answer.result)
  }
}

// ── The side that answers ───────────────────────────────────────────────────────────────────────────────────

/** Answers the calls of a client; `client` is its number. */
export function serveStore(port: MessagePort, client: number, service: StoreService, bugMet: OnBug): void {
  port.on(
    'message',
    guarded(bugMet, async ({ id, call, args }: Request) => {
      const act = service[call] as (...args: readonly unknown[]) => Promise<unknown>
      try {
        const result = await during({ client, call: id }, () => act(...args))
        port.postMessage({ id, result }, call === 'recover' ? (result as Recovered).index.memory : [])
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException
        port.postMessage({ id, error: { message, code } })
      }
    }),
  )
}
