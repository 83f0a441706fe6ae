// The messages that clients have sent to the server, and waits for more of them.

import { MsgHdrsImpl } from '../client/headers.ts'
import type { MsgHdrs } from '../client/index.ts'
import { isValidFilter, matches } from '../subjects/subject.ts'
import type { MessageParts } from './operations.ts'

/** A message that a client has published. `T`: what its JSON is, as the test says. */
export interface ReceivedMessage<T = unknown> {
  readonly subject: string
  /** Where an answer is expected; undefined: nowhere. */
  readonly reply: string | undefined
  readonly headers: MsgHdrs | undefined
  readonly data: Uint8Array
  /** The name of the client that sent it, else `client 1` with its number. */
  readonly client: string
  /** The payload as text. */
  string(): string
  /** The payload as JSON. Throws SyntaxError. */
  json(): T
}

export interface ReceivedOptions {
  /** So many messages at least; default 1. */
  count?: number
  /** Milliseconds to wait for them; default 1,000. */
  timeout?: number
  /** Gives up the wait: it is rejected with the signal's reason. */
  signal?: AbortSignal
}

/** Messages did not come in time. Its text shows what came instead. */
export class NotReceivedError extends Error {
  override name = 'NotReceivedError'
  /** The messages on the wanted subjects, and all messages. */
  readonly received: readonly ReceivedMessage[]
  readonly all: readonly ReceivedMessage[]

  constructor(text: string, received: readonly ReceivedMessage[], all: readonly ReceivedMessage[]) {
    super(text)
    this.received = received
    this.all = all
  }
}

const TIMEOUT_MS = 1000
/** Messages, and characters of a payload, that the text of an error shows. */
const SHOWN_MESSAGES = 10
const SHOWN_TEXT = 60
/** The longest time that a timer can take. */
const WAIT_MAX_MS = 2 ** 31 - 1

class CapturedMessage implements ReceivedMessage {
  readonly subject: string
  readonly reply: string | undefined
  readonly headers: MsgHdrs | undefined
  readonly data: Uint8Array
  readonly client: string

  constructor({ subject, reply, headers, data }: MessageParts, client: string) {
    this.subject = subject
    this.reply = reply === '' ? undefined : reply
    this.headers = headers && MsgHdrsImpl.decode(headers)
    this.data = new Uint8Array(data) // what came with it is not kept
    this.client = client
  }

  string(): string {
    return Buffer.from(this.data.buffer, this.data.byteOffset, this.data.byteLength).toString('utf8')
  }

  json(): unknown {
    return JSON.parse(this.string())
  }
}

export class Captured {
  private all: CapturedMessage[] = []
  /** Called with each message, and when the server ends. */
  private readonly waits = new Set<() => void>()
  private isOver = false

  add(parts: MessageParts, client: string): void {
    this.all.push(new CapturedMessage(parts, client))
    for (const wait of this.waits) wait()
  }

  clear(): void {
    this.all = []
  }

  /** Those so far. Throws TypeError if the filter is none. */
  matching<T>(filter: string): ReceivedMessage<T>[] {
    checkFilter(filter)
    return this.all.filter(({ subject }) => matches(filter, subject)) as ReceivedMessage<T>[]
  }

  /** Resolves to all of them when there are enough. Rejects with NotReceivedError when the time is over. */
  received<T>(filter: string, options: ReceivedOptions): Promise<ReceivedMessage<T>[]> {
    checkFilter(filter)
    const { count = 1, timeout = TIMEOUT_MS, signal } = options
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        this.waits.delete(look)
        signal?.removeEventListener('abort', abort)
      }
      const abort = (): void => {
        end()
        reject(signal?.reason)
      }
      const fail = (when: string): void => {
        end()
        const found = this.matching(filter)
        reject(new NotReceivedError(explain(filter, count, when, found, this.all), found, [...this.all]))
      }
      const look = (): void => {
        const found = this.matching<T>(filter)
        if (found.length >= count) {
          end()
          resolve(found)
        } else if (this.isOver) fail('before the server was closed')
      }
      const timer = setTimeout(() => fail(`within ${timeout} ms`), Math.min(timeout, WAIT_MAX_MS))
      this.waits.add(look)
      signal?.addEventListener('abort', abort)
      if (signal?.aborted === true) abort()
      else look()
    })
  }

  /** Nothing comes any more: those who wait are told. */
  close(): void {
    this.isOver = true
    for (const wait of [...this.waits]) wait()
  }
}

function checkFilter(filter: string): void {
  if (!isValidFilter(filter)) throw new TypeError(`"${filter}" is not a subject or a filter of subjects`)
}

function explain(
  filter: string,
  count: number,
  when: string,
  found: readonly ReceivedMessage[],
  all: readonly ReceivedMessage[],
): string {
  const wanted = `${count} ${count === 1 ? 'message' : 'messages'} on "${filter}"`
  const got = found.length === 0 ? 'none came' : `${found.length} came`
  const first = `expected ${wanted} ${when}, but ${got}.`
  if (all.length === 0) return `${first} The server has received no messages at all.`
  const shown = all.slice(-SHOWN_MESSAGES)
  const which = shown.length < all.length ? `, the last ${shown.length} of them` : ''
  const lines = shown.map((message) => `${found.includes(message) ? '  * ' : '    '}${describe(message)}`)
  const heading = `The server has received ${all.length} ${all.length === 1 ? 'message' : 'messages'}${which}:`
  const legend = found.length > 0 ? [`(* on "${filter}")`] : []
  return [first, heading, ...lines, ...legend].join('\n')
}

function describe(message: ReceivedMessage): string {
  const { subject, reply, headers, data, client } = message
  const text = message.string()
  const isText = [...text].every((character) => character >= '\t' && character !== '\ufffd')
  const cut = text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text
  const payload = data.length === 0 ? 'no payload' : isText ? cut : `${data.length} bytes`
  const names = headers?.keys() ?? []
  return [
    subject,
    payload,
    ...(names.length > 0 ? [`headers ${names.join(', ')}`] : []),
    ...(reply === undefined ? [] : [`reply to ${reply}`]),
    `from ${client}`,
  ].join('  ')
}
