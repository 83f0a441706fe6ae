// Servers with a system account and ordinary ones, and the official client logged in as a user of one of them.

import { connect, headers, type Msg, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { until } from './until.ts'

/** What every user's password is. */
export const PASSWORD = 'secret'

export const SYSTEM_CONFIG = `
server_name: loom
server_tags: [ "site:north", "kind:test" ]
system_account: SYS
accounts {
  SYS { users: [ { user: sys, password: ${PASSWORD} } ] }
  A { users: [
    { user: a, password: ${PASSWORD} }
    { user: few, password: ${PASSWORD}, permissions: {
      publish: { allow: ["x.>", "$SYS.REQ.USER.INFO"] }
      subscribe: { allow: ["_INBOX.>", "y"], deny: ["z"] }
      allow_responses: { max: 2, expires: "3s" }
    } }
  ] }
  B { users: [ { user: b, password: ${PASSWORD} } ] }
}`

type Timed = { readonly port: number }

/** A connection as `user` for the test that calls this. */
export async function loginAs(
  { port }: Timed,
  user: string,
  options: NodeConnectionOptions = {},
): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${port}`, user, pass: PASSWORD, reconnect: false, ...options })
  onTestFinished(() => connection.close())
  return connection
}

export type Answer = { readonly [member: string]: unknown }

/** Asks a service, with JSON or a text as the body; what it answers, as JSON. */
export async function ask(connection: NatsConnection, subject: string, body: unknown = ''): Promise<Answer> {
  const message = await connection.request(subject, typeof body === 'string' ? body : JSON.stringify(body), {
    timeout: 5000,
  })
  return message.json<Answer>()
}

/** Asks with a header Accept-Encoding. */
export function askEncoded(connection: NatsConnection, subject: string, encoding: string): Promise<Msg> {
  const wanted = headers()
  wanted.set('Accept-Encoding', encoding)
  return connection.request(subject, '', { timeout: 5000, headers: wanted })
}

/** The server's id as an answer tells it. */
export async function serverId(connection: NatsConnection): Promise<string> {
  return String((await ask(connection, '$SYS.REQ.SERVER.PING.IDZ'))['id'])
}

/** What comes on a subject from now on. */
export class Listener {
  readonly heard: { readonly subject: string; readonly event: Answer }[] = []

  private constructor(connection: NatsConnection, subject: string) {
    connection.subscribe(subject, {
      callback: (_error, message) => {
        // Requests of others are heard as well, and need not have a body.
        if (message.data.length > 0) this.heard.push({ subject: message.subject, event: message.json<Answer>() })
      },
    })
  }

  static async start(connection: NatsConnection, subject: string): Promise<Listener> {
    const listener = new Listener(connection, subject)
    await connection.flush()
    return listener
  }

  /** The first event that fits, whether it has come already or comes later. */
  async next(what: string, fits: (subject: string, event: Answer) => boolean): Promise<Answer> {
    await until(what, () => this.heard.some(({ subject, event }) => fits(subject, event)))
    return this.heard.find(({ subject, event }) => fits(subject, event))?.event ?? {}
  }
}
