// Sequence-numbered streams: talkers that number what they publish, listeners that check that nothing is missing,
// nothing comes twice and nothing comes out of order.

import type { Message } from './frame-reader.ts'
import type { RawClient } from './raw-client.ts'
import { until } from './until.ts'

let sessions = 0

/** Publishes `<session> <number>` on `stream.<session>`. */
export class Talker {
  readonly client: RawClient
  readonly session = String(++sessions)
  sent = 0

  constructor(client: RawClient) {
    this.client = client
  }

  publish(count: number): void {
    let text = ''
    for (let i = 0; i < count; i++) {
      const payload = `${this.session} ${++this.sent}`
      text += `PUB stream.${this.session} ${payload.length}\r\n${payload}\r\n`
    }
    this.client.send(text)
  }
}

/** Hears all talkers. */
export class Listener {
  readonly client: RawClient
  readonly name: string
  /** What is wrong with what was heard, in words. */
  readonly faults: string[] = []
  /** Latest number of each session. */
  readonly heard = new Map<string, number>()
  /** Longest time without any message, since the last reset. */
  gapMs = 0
  private lastMs = performance.now()
  /** Before its PONG it may hear of any session from any number on. */
  private started = false
  /** Numbers up to which a session may have been published before this one listened. */
  private readonly from = new Map<string, number>()

  private constructor(client: RawClient, name: string) {
    this.client = client
    this.name = name
  }

  /** Subscribes; from the PONG on, everything that `talkers` publish must be heard. */
  static async start(client: RawClient, name: string, talkers: readonly Talker[]): Promise<Listener> {
    const listener = new Listener(client, name)
    client.onMessage = (message) => listener.hear(message)
    client.send('SUB stream.* 1\r\n')
    await client.sync()
    for (const talker of talkers) listener.from.set(talker.session, talker.sent)
    listener.started = true
    return listener
  }

  resetGap(): void {
    this.gapMs = 0
    this.lastMs = performance.now()
  }

  private hear(message: Message): void {
    const nowMs = performance.now()
    this.gapMs = Math.max(this.gapMs, nowMs - this.lastMs)
    this.lastMs = nowMs
    const [session, text] = message.payload.toString('latin1').split(' ')
    const number = Number(text)
    const last = this.heard.get(session)
    this.heard.set(session, number)
    const first = (this.from.get(session) ?? 0) + 1
    if (last === undefined ? this.started && number > first : number !== last + 1) {
      this.faults.push(`${this.name}: session ${session}: ${number} after ${last ?? `nothing, expected ${first}`}`)
    }
  }

  /** Has it heard all that this talker has sent, and nothing wrong? */
  hasAll(talker: Talker): boolean {
    return talker.sent === (this.from.get(talker.session) ?? 0) || this.heard.get(talker.session) === talker.sent
  }
}

/** All talkers talk, a little every millisecond, until told to stop. */
export class Chatter {
  readonly talkers = new Set<Talker>()
  private readonly timer: NodeJS.Timeout
  private paused = false

  constructor(talkers: readonly Talker[], perTick: number) {
    for (const talker of talkers) this.talkers.add(talker)
    this.timer = setInterval(() => {
      if (this.paused) return
      for (const talker of this.talkers) {
        if (talker.client.socket.writableLength < 64 * 1024) talker.publish(perTick)
      }
    }, 1)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  stop(): void {
    clearInterval(this.timer)
  }
}

/** Waits until every listener has heard everything of every talker; answers what was wrong. */
export async function settle(listeners: readonly Listener[], talkers: readonly Talker[]): Promise<string[]> {
  await until(
    'every listener to have heard everything',
    () => {
      const behind = listeners.some((listener) => talkers.some((talker) => !listener.hasAll(talker)))
      return !behind || listeners.some(({ faults }) => faults.length > 0)
    },
    10_000,
  ).catch(() => undefined)
  const faults = listeners.flatMap((listener) => listener.faults)
  for (const listener of listeners) {
    for (const talker of talkers) {
      if (!listener.hasAll(talker)) {
        const heard = listener.heard.get(talker.session) ?? 'nothing'
        faults.push(`${listener.name}: session ${talker.session}: heard up to ${heard} of ${talker.sent}`)
      }
    }
  }
  return faults
}
