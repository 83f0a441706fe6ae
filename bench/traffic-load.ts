// Traffic (traffic.ts) through a server, as fast as it takes it.

import { publishTraffic, receiveTraffic } from './generators/pool.ts'
import type { Load } from './load.ts'
import { type Message, owedBy, publishText, type Subscriber, type Traffic } from './traffic.ts'

/** Clients write about as much at once. */
const PIECE_BYTES = 128 * 1024

/** Members of CONNECT besides the usual ones. */
export type Connect = Readonly<Record<string, unknown>>

export function connectText(account: string, connect: Connect = {}): string {
  // With protocol 0, servers send no INFO among the messages.
  const usual = { verbose: false, pedantic: false, headers: true, protocol: 0 }
  const login = account === '' ? {} : { user: account, pass: account }
  return `CONNECT ${JSON.stringify({ ...usual, ...login, ...connect })}\r\n`
}

function helloOf({ account, subscriptions }: Subscriber, connect: Connect): string {
  const subs = subscriptions.map(({ filter, sid }) => `SUB ${filter} ${sid}\r\n`)
  return `${connectText(account, connect)}${subs.join('')}`
}

/** What is written at once: whole messages, as a PONG may have to be written in between. */
function piecesOf(messages: readonly Message[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let text = ''
  for (const message of messages) {
    text += publishText(message)
    if (text.length < PIECE_BYTES && message !== messages.at(-1)) continue
    pieces.push(Buffer.from(text, 'latin1'))
    text = ''
  }
  return pieces
}

/** `make` is called when the load runs: traffic is large. `published` messages, over all publishers. */
export function trafficLoad(make: () => Traffic, published: number, connect: Connect = {}): Load {
  return {
    async run(server, scale) {
      const traffic = make()
      const roundMessages = traffic.publishers.reduce((sum, { messages }) => sum + messages.length, 0)
      const rounds = Math.max(1, Math.round((published * scale) / roundMessages))
      const owed = owedBy(traffic)
      const { endpoint } = server
      const receiver = receiveTraffic({
        endpoint,
        traffic,
        hellos: traffic.subscribers.map((subscriber) => helloOf(subscriber, connect)),
        owed: owed.map(({ bytes }) => bytes * rounds),
      })
      await receiver.ready
      const publishers = traffic.publishers.map(({ account, messages }) => ({
        hello: connectText(account, connect),
        pieces: piecesOf(messages),
      }))
      const sender = publishTraffic({ endpoint, publishers, rounds })
      await sender.ready
      server.begin()
      sender.tell({ kind: 'go' })
      const [received, sent] = await Promise.all([receiver.done, sender.done])
      server.end()
      const isHeard = owed.length > 0
      const messages = (isHeard ? owed.reduce((sum, each) => sum + each.messages, 0) : roundMessages) * rounds
      const lastMs = isHeard ? received.lastMs : sent.lastMs
      return { messages, metrics: { rate: (messages * 1000) / (lastMs - sent.firstMs) } }
    },
  }
}
