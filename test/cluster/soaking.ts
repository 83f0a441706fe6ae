// A soak of a cluster: publishers at every server number their messages; subscribers at every server see each number
// once and in order, one member of a queue group sees it, and requests are answered, in every account. Between rounds a
// server or a shard goes down; once all routes are there again, nothing may be missing.

import { connect, type Socket } from 'node:net'
import type { Random } from '../support/random.ts'
import { until } from '../support/until.ts'
import { type Kind, type Member, TestCluster } from './cluster.ts'

const ACCOUNTS = ['A', 'B'] as const
const LONGEST = 2000

/** A client that is told of each message. */
class SoakClient {
  private readonly socket: Socket
  private rest: Buffer = Buffer.alloc(0)
  private readonly onMessage: (subject: string, sid: string, reply: string, payload: string) => void

  constructor({ port }: Member, account: string, onMessage: SoakClient['onMessage']) {
    this.onMessage = onMessage
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (bytes: Buffer) => this.take(bytes))
    this.socket.on('error', () => undefined)
    this.send(`CONNECT {"verbose":false,"headers":true,"user":"${account}","pass":"x"}\r\n`)
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  private take(bytes: Buffer): void {
    this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes])
    let at = 0
    for (;;) {
      const end = this.rest.indexOf('\r\n', at)
      if (end < 0) break
      const words = this.rest.toString('latin1', at, end).split(' ')
      const isMessage = words[0] === 'MSG' || words[0] === 'HMSG'
      const size = isMessage ? Number(words.at(-1)) : 0
      if (isMessage && this.rest.length < end + 2 + size + 2) break
      if (words[0] === 'PING') this.send('PONG\r\n')
      if (isMessage) {
        const sizes = words[0] === 'HMSG' ? 2 : 1
        const header = sizes === 2 ? Number(words.at(-2)) : 0
        const reply = words.length - sizes === 4 ? words[3] : ''
        this.onMessage(words[1], words[2], reply, this.rest.toString('latin1', end + 2 + header, end + 2 + size))
        at = end + 2 + size + 2
      } else at = end + 2
    }
    this.rest = this.rest.subarray(at)
  }

  close(): void {
    this.socket.destroy()
  }
}

interface Station {
  readonly account: string
  readonly server: number
  readonly client: SoakClient
  /** Next number to publish, and the latest seen of each publisher. */
  next: number
  readonly seen: Map<string, number>
  answers: number
  heard: Set<string>
}

export interface SoakOutcome {
  readonly rounds: number
  readonly published: number
  readonly delivered: number
  readonly requests: number
  readonly disturbances: number
}

/** Soaks a cluster for so many rounds, or until `isOver`. Throws with the first thing that is wrong. */
export async function soak(
  kinds: readonly Kind[],
  random: Random,
  { rounds = Number.POSITIVE_INFINITY, isOver = (): boolean => false, messages = 200, disturbs = true },
): Promise<SoakOutcome> {
  const cluster = new TestCluster(kinds, { accounts: ACCOUNTS, pinned: ['B'], isMeshed: true })
  const faults: string[] = []
  const outcome = { rounds: 0, published: 0, delivered: 0, requests: 0, disturbances: 0 }
  let grouped = new Map<string, number>()
  let stations: Station[] = []
  let disturbed = 'nothing'

  const open = (account: string, server: number): Station => {
    const station: Station = {
      account,
      server,
      client: new SoakClient(cluster.members[server], account, (subject, sid, reply, payload) => {
        const [what, from, number] = payload.split(' ', 3)
        if (what === 'probe') station.heard.add(payload)
        else if (sid === '3') station.client.send(`PUB ${reply} 6\r\nanswer\r\n`)
        else if (sid === '4') station.answers++
        else if (sid === '2') grouped.set(payload.slice(0, 40), (grouped.get(payload.slice(0, 40)) ?? 0) + 1)
        else {
          outcome.delivered++
          const latest = station.seen.get(from) ?? -1
          if (Number(number) !== latest + 1) {
            faults.push(`${account} at ${server}: ${subject} ${number} of ${from} after ${latest}`)
          }
          station.seen.set(from, Number(number))
        }
      }),
      next: 0,
      seen: new Map(),
      answers: 0,
      heard: new Set(),
    }
    station.client.send(`SUB m.> 1\r\nSUB m.> g 2\r\nSUB svc r 3\r\nSUB in.${server} 4\r\nSUB probe 5\r\n`)
    return station
  }

  /** All know what all want. */
  const settle = async (): Promise<void> => {
    let probe = 0
    await until('interest everywhere', async () => {
      probe++
      for (const { client, server } of stations) {
        const text = `probe ${server} ${probe}`
        client.send(`PUB probe ${text.length}\r\n${text}\r\n`)
      }
      await new Promise((resolve) => setTimeout(resolve, 30))
      return stations.every(({ heard }) => kinds.every((_, server) => heard.has(`probe ${server} ${probe}`)))
    }).catch((error: Error) => {
      const missing = stations.flatMap(({ account, server, heard }) =>
        kinds.flatMap((_, from) => (heard.has(`probe ${from} ${probe}`) ? [] : [`${account} ${from}>${server}`])),
      )
      throw new Error(`${error.message}: not heard ${missing.join(', ')}; disturbed ${disturbed}`)
    })
  }

  await cluster.start()
  try {
    while (outcome.rounds < rounds && !isOver()) {
      stations = ACCOUNTS.flatMap((account) => kinds.map((_, server) => open(account, server)))
      grouped = new Map()
      await settle()
      let count = 0
      let requests = 0
      for (let i = 0; i < messages; i++) {
        const station = random.pick(stations)
        const padding = 'x'.repeat(random.below(random.below(8) === 0 ? LONGEST : 60))
        const text = `${station.account} ${station.account}${station.server} ${station.next++} ${padding}`
        const subject = `m.${station.server}.${random.below(5)}`
        const header = 'NATS/1.0\r\nk: v\r\n\r\n'
        if (random.below(3) > 0) station.client.send(`PUB ${subject} ${text.length}\r\n${text}\r\n`)
        else {
          station.client.send(`HPUB ${subject} ${header.length} ${header.length + text.length}\r\n${header}${text}\r\n`)
        }
        count++
        if (random.below(10) === 0) {
          station.client.send(`PUB svc in.${station.server} 1\r\n?\r\n`)
          requests++
        }
        if (random.below(20) === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      }
      const groupsTotal = (): number => [...grouped.values()].reduce((a, b) => a + b, 0)
      const answered = (): number => stations.reduce((sum, { answers }) => sum + answers, 0)
      const sumOf = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b + 1, 0)
      const seenAll = (): boolean => stations.every(({ seen, account }) => sumOf(seen.values()) === published(account))
      const published = (account: string): number =>
        stations.reduce((sum, each) => sum + (each.account === account ? each.next : 0), 0)
      await until(
        'all messages and answers',
        () => faults.length > 0 || (seenAll() && groupsTotal() >= count && answered() >= requests),
      ).catch((error) =>
        faults.push(`${error.message}: groups ${groupsTotal()} of ${count}, answers ${answered()} of ${requests}`),
      )
      // Whatever is there twice comes late.
      await settle()
      if (groupsTotal() !== count || answered() !== requests) {
        faults.push(`groups ${groupsTotal()} of ${count}, answers ${answered()} of ${requests}`)
      }
      if (faults.length > 0) throw new Error(`round ${outcome.rounds}: ${faults.slice(0, 5).join('; ')}`)
      outcome.rounds++
      outcome.published += count
      outcome.requests += requests
      for (const { client } of stations) client.close()
      if (disturbs && outcome.rounds < rounds) {
        disturbed = await disturb(cluster, random)
        outcome.disturbances++
      }
    }
    return outcome
  } finally {
    for (const { client } of stations) client.close()
    await cluster.stop()
  }
}

/** Restarts a server, or ends a thread of one. */
async function disturb(cluster: TestCluster, random: Random): Promise<string> {
  const index = random.below(cluster.members.length)
  const member = cluster.members[index]
  let what = `server ${index}`
  if (typeof member.kind === 'number' && member.kind > 0 && random.below(2) === 0) {
    const before = member.replacements() ?? 0
    const shard = random.below(member.kind)
    what = `shard ${shard} of server ${index}`
    member.killShard(shard)
    // Connections that are handed to a shard while it dies are lost.
    await until('a shard in its place', () => (member.replacements() ?? 0) > before)
  } else {
    await member.stop()
    await cluster.startMember(index)
  }
  await cluster.whenMeshed()
  return what
}
