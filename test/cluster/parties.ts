// Clients at servers that are linked: what each has heard, and waiting until the other end knows of it.

import { login } from '../support/configured-servers.ts'
import type { Message } from '../support/frame-reader.ts'
import type { ConnectMembers, RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'

/** A client that writes down what it hears. */
export class Party {
  readonly client: RawClient
  readonly heard: Message[] = []
  /** -ERR and other lines. */
  readonly lines: string[] = []
  /** Of subscriptions that are members of one: its name, by their sid. */
  readonly groups = new Map<string, string>()
  private sid = 0
  private pongs = 0

  private constructor(client: RawClient) {
    this.client = client
    client.onMessage = (message) => this.heard.push(message)
    client.onLine = (line) => {
      if (line === 'PONG') this.pongs++
      else this.lines.push(line)
      return true
    }
  }

  static async at(server: ServerProgram, credentials: ConnectMembers = {}): Promise<Party> {
    return new Party(await login(server, { no_responders: true, ...credentials }))
  }

  /** Returns when its own server has it. */
  async subscribe(subject: string, queue = ''): Promise<string> {
    const sid = `${++this.sid}`
    if (queue !== '') this.groups.set(sid, queue)
    this.client.send(`SUB ${subject}${queue === '' ? '' : ` ${queue}`} ${sid}\r\n`)
    await this.flush()
    return sid
  }

  async unsubscribe(sid: string): Promise<void> {
    this.client.send(`UNSUB ${sid}\r\n`)
    await this.flush()
  }

  publish(subject: string, payload = '', reply = '', header = ''): void {
    const to = reply === '' ? subject : `${subject} ${reply}`
    if (header === '') this.client.send(`PUB ${to} ${payload.length}\r\n${payload}\r\n`)
    else this.client.send(`HPUB ${to} ${header.length} ${header.length + payload.length}\r\n${header}${payload}\r\n`)
  }

  /** Its server has carried out all that it has sent. */
  async flush(): Promise<void> {
    const awaited = this.pongs + 1
    this.client.send('PING\r\n')
    await until('PONG', () => this.pongs >= awaited || this.client.isClosed)
  }

  /** Payloads that it has heard on a subject. */
  on(subject: string): string[] {
    return this.heard.filter((message) => message.subject === subject).map(({ payload }) => payload.toString('latin1'))
  }

  count(subject: string): number {
    return this.on(subject).length
  }
}

let probes = 0

/**
 * Resolves when what `to` subscribes to from now on, and so all that it has subscribed to before, is known at the server
 * of `from`: a message has come through.
 */
export async function untilLinked(from: Party, to: Party, deadlineMs?: number): Promise<void> {
  const subject = `probe.${++probes}`
  await to.subscribe(subject)
  await until(
    'the other server to know of a subscription',
    () => {
      from.publish(subject)
      return to.count(subject) > 0
    },
    deadlineMs,
  )
}

/** Nothing of what `from` has published is on its way to `to` any more. */
export async function settled(from: Party, to: Party): Promise<void> {
  const subject = `probe.${++probes}`
  await to.subscribe(subject)
  await untilLinked(from, to)
  from.publish(subject, 'last')
  await until('the last message', () => to.count(subject) > 0)
}
