// Traffic (traffic.ts) through a server, as fast as it takes it.

import { type Connect, connectText } from './connect.ts'
import { Backlog } from './generators/backlog.ts'
import { publishTraffic, receiveTraffic } from './generators/pool.ts'
import type { Load } from './load.ts'
import { type Message, owedBy, publishText, type Subscriber, type Traffic } from './traffic.ts'

/** Clients write about as much at once. */
const PIECE_BYTES = 128 * 1024

function helloOf({ account, subscriptions }: Subscriber, connect: Connect | undefined): string {
  const subs = subscriptions.map(({ filter, sid }) => `SUB ${filter} ${sid}\r\n`)
  return `${connectText(account, connect)}${subs.join('')}`
}

/** What is written at once: whole messages, as a PONG may have to be written in between. */
function piecesOf(messages: readonly Message[], batch = Number.POSITIVE_INFINITY): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let [text, count] = ['', 0]
  for (const message of messages) {
    text += publishText(message)
    count++
    if (text.length < PIECE_BYTES && count < batch && message !== messages.at(-1)) continue
    pieces.push(Buffer.from(text, 'latin1'))
    text = ''
    count = 0
  }
  return pieces
}

export interface Publishing {
  /** Published in all, by all publishers. */
  readonly messages: number
  /** Messages that a publisher writes at once; undefined: as many as clients do under load. */
  readonly batch?: number
  readonly connect?: Connect
}

/** `make` is called when the load runs: traffic is large. */
export function trafficLoad(make: () => Traffic, { messages, batch, connect }: Publishing): Load {
  return {
    async run(server, scale) {
      const traffic = make()
      const inRound = traffic.publishers.reduce((sum, publisher) => sum + publisher.messages.length, 0)
      const rounds = Math.max(1, Math.round((messages * scale) / inRound))
      const owed = owedBy(traffic)
      const backlog = Backlog.memory(owed.map(({ bytes }) => bytes * rounds))
      const { endpoint } = server
      const receiver = receiveTraffic({
        endpoint,
        traffic,
        hellos: traffic.subscribers.map((subscriber) => helloOf(subscriber, connect)),
        backlog,
      })
      await receiver.ready
      const publishers = traffic.publishers.map((publisher) => ({
        hello: connectText(publisher.account, connect),
        pieces: piecesOf(publisher.messages, batch),
      }))
      const sender = publishTraffic({ endpoint, publishers, rounds, backlog })
      await sender.ready
      server.begin()
      sender.tell({ kind: 'go' })
      const [received, sent] = await Promise.all([receiver.done, sender.done])
      server.end()
      const isHeard = owed.length > 0
      const count = (isHeard ? owed.reduce((sum, each) => sum + each.messages, 0) : inRound) * rounds
      const lastMs = isHeard ? received.lastMs : sent.lastMs
      return { messages: count, metrics: { rate: (count * 1000) / (lastMs - sent.firstMs) } }
    },
  }
}
