// Requests and their replies: many clients, each with an inbox of its own and one request under way, and a few
// services, which send back what they are sent. A client knows its reply to the byte, so that it compares and does not
// parse.

import { Random } from '../../test/support/random.ts'
import { percentile } from '../statistics.ts'
import { BareConnection, PING, PONG } from './bare-connection.ts'
import { inbox, name } from './names.ts'
import { anyFailed, openAll, whenTold } from './task.ts'
import type { Endpoint, Task } from './tasks.ts'

export interface RequestTask extends Task {
  /** Where the services are, if not where the clients are. */
  readonly servicesAt?: Endpoint
  readonly connect: string
  readonly clients: number
  readonly services: number
  /** Requests whose latency is not counted, at the beginning. */
  readonly warmUp: number
  readonly requests: number
  /** Requests a second, over all clients; undefined: each client asks again as soon as it has its reply. */
  readonly pace: number | undefined
}

export interface RequestFigures {
  readonly p50Us: number
  readonly p99Us: number
  /** Requests a second. */
  readonly rate: number
}

const SEED = 1
/** Different bodies of requests; they are used in turn. */
const BODIES = 61
const BODY_BYTES_MAX = 512
const TICK_MS = 1
const SERVICES = ['orders.create', 'stock.item.reserve', 'users.v2.get', 'mail.send']
const TOKEN_LENGTH = 8

/** `<size>␍␊<payload>␍␊`, the end of a request as of its reply. */
function makeBodies(random: Random): string[] {
  return Array.from({ length: BODIES }, () => {
    const payload = name(random, 16 + random.below(BODY_BYTES_MAX - 16 + 1))
    return `${payload.length}\r\n${payload}\r\n`
  })
}

/** Clients number their requests; what stands in front makes the token as long as those of client libraries. */
const token = (number: number): string => number.toString(36).padStart(TOKEN_LENGTH, 'k9Xw2')

class Client {
  connection: BareConnection | undefined
  isWaiting = false
  readonly inbox: string
  private readonly bodies: readonly string[]
  private readonly random: Random
  private readonly replied: (client: Client, elapsedMs: number) => void
  private asked = 0
  private expected = ''
  private heard = ''
  private askedMs = 0

  constructor(bodies: readonly string[], random: Random, replied: (client: Client, elapsedMs: number) => void) {
    this.bodies = bodies
    this.random = random
    this.replied = replied
    this.inbox = inbox(random)
  }

  ask(services: number): void {
    const number = this.asked++
    const service = SERVICES[this.random.below(services)]
    const reply = `${this.inbox}.${token(number)}`
    const body = this.bodies[number % BODIES]
    this.expected = `MSG ${reply} 1 ${body}`
    this.isWaiting = true
    this.askedMs = performance.now()
    this.connection?.socket.writeText(`PUB ${service} ${reply} ${body}`)
  }

  read(bytes: Buffer, { socket }: BareConnection): void {
    let text = bytes.toString('latin1')
    if (text.endsWith(PING)) {
      socket.writeText(PONG)
      text = text.slice(0, -PING.length)
    }
    this.heard = this.heard === '' ? text : this.heard + text
    if (this.heard.length < this.expected.length) return
    if (this.heard !== this.expected) {
      // A server's PING may stand in front as well.
      if (!this.heard.startsWith(PING)) throw new Error(`not ${this.expected}, but ${this.heard}`)
      socket.writeText(PONG)
      this.heard = this.heard.slice(PING.length)
      if (this.heard !== this.expected) return
    }
    this.heard = ''
    this.isWaiting = false
    this.replied(this, performance.now() - this.askedMs)
  }
}

/** Answers each request with its own body; what a read has cut waits for the rest. */
class Service {
  private cut = ''

  read(bytes: Buffer, { socket }: BareConnection): void {
    const text = this.cut + bytes.toString('latin1')
    let replies = ''
    let at = 0
    for (;;) {
      if (text.startsWith(PING, at)) {
        at += PING.length
        replies += PONG
        continue
      }
      // MSG <subject> <sid> <reply> <size>
      const lineEnd = text.indexOf('\r\n', at)
      if (lineEnd < 0) break
      const sizeAt = text.lastIndexOf(' ', lineEnd) + 1
      const end = lineEnd + 2 + Number(text.slice(sizeAt, lineEnd)) + 2
      if (end > text.length) break
      if (!text.startsWith('MSG ', at)) throw new Error(`a service got: ${text.slice(at, lineEnd)}`)
      const replyAt = text.lastIndexOf(' ', sizeAt - 2) + 1
      replies += `PUB ${text.slice(replyAt, end)}`
      at = end
    }
    this.cut = text.slice(at)
    if (replies !== '') socket.writeText(replies)
  }
}

export async function request(task: RequestTask): Promise<RequestFigures> {
  const { endpoint, servicesAt = endpoint, control, connect, warmUp, pace } = task
  const isGo = whenTold(control, 'go')
  const random = new Random(SEED)
  const bodies = makeBodies(random)
  const times = new Float64Array(task.requests)
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const all = warmUp + task.requests
  let [asked, done] = [0, 0]
  let [firstMs, lastMs] = [0, 0]
  const replied = (client: Client, elapsedMs: number): void => {
    if (done >= warmUp) times[done - warmUp] = elapsedMs * 1000
    done++
    if (done === warmUp) firstMs = performance.now()
    if (done === all) {
      lastMs = performance.now()
      finish()
    } else if (pace === undefined) ask(client)
  }
  const ask = (client: Client): void => {
    if (asked === all) return
    asked++
    client.ask(task.services)
  }
  const clients = Array.from({ length: task.clients }, () => new Client(bodies, random, replied))
  const services = SERVICES.slice(0, task.services).map((subject) => ({ subject, service: new Service() }))
  const connections = await openAll(clients.length + services.length, control, (i) => {
    if (i < services.length) {
      const { subject, service } = services[i]
      return BareConnection.open(servicesAt.port, `${connect}SUB ${subject} q 1\r\n`, (bytes, connection) =>
        service.read(bytes, connection),
      )
    }
    const client = clients[i - services.length]
    return BareConnection.open(endpoint.port, `${connect}SUB ${client.inbox}.* 1\r\n`, (bytes, connection) =>
      client.read(bytes, connection),
    )
  })
  for (const [i, client] of clients.entries()) client.connection = connections[services.length + i]
  const failed = anyFailed(connections)
  let ticks: NodeJS.Timeout | undefined
  try {
    await Promise.race([isGo, failed])
    if (pace === undefined) for (const client of clients) ask(client)
    else ticks = askAtPace(clients, pace, ask)
    await Promise.race([finished, failed])
    times.sort()
    return {
      p50Us: percentile(times, 0.5),
      p99Us: percentile(times, 0.99),
      rate: (task.requests * 1000) / (lastMs - firstMs),
    }
  } finally {
    clearInterval(ticks)
    for (const { socket } of connections) socket.close()
    control.close()
  }
}

/** So many requests a second by the clock, each by the next client that waits for nothing. */
function askAtPace(clients: readonly Client[], pace: number, ask: (client: Client) => void): NodeJS.Timeout {
  const startMs = performance.now()
  let asked = 0
  let next = 0
  return setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) * pace) / 1000)
    for (let tried = 0; asked < due && tried < clients.length; tried++) {
      const client = clients[next++ % clients.length]
      if (client.isWaiting) continue
      asked++
      ask(client)
    }
  }, TICK_MS)
}
