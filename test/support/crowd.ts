// A process that holds many connections for a test: node crowd.ts PORT FIRST COUNT ALL
//
// Connection number i (FIRST to FIRST + COUNT - 1, of ALL in all processes) subscribes to `own.<i>` and `all`.
// Commands come as lines on stdin; each is answered by one line on stdout:
//   connect         opens all connections; the answer comes when each has had the PONG behind its SUBs
//   round R         each publishes one message to the connection R places further on
//   heard N         waits until each has been given N messages in all, and checks each of them
//   drop            drops every second connection
//   ping            waits until each that is left has answered a PING
// An answer that begins with `fault` says what went wrong.

import { createInterface } from 'node:readline'
import type { Message } from './frame-reader.ts'
import { RawClient } from './raw-client.ts'
import { until } from './until.ts'

const DIALLING_MAX = 250
const WAIT_MS = 30_000

const [port, first, count, all] = process.argv.slice(2).map(Number)

class Member {
  readonly number: number
  client: RawClient | undefined
  heard = 0
  /** Rounds whose message has come. */
  readonly rounds = new Set<number>()

  constructor(number: number) {
    this.number = number
  }

  async connect(): Promise<void> {
    const client = await RawClient.open(port, { name: `crowd ${this.number}` })
    this.client = client
    client.onMessage = (message) => this.hear(message)
    client.send(`SUB own.${this.number} 1\r\nSUB all 2\r\n`)
    await client.sync()
  }

  publish(round: number): void {
    const payload = `${this.number} ${round}`
    this.client?.send(`PUB own.${(this.number + round) % all} ${payload.length}\r\n${payload}\r\n`)
  }

  private hear(message: Message): void {
    this.heard++
    const text = message.payload.toString()
    if (message.subject === 'all') return
    const [from, round] = text.split(' ').map(Number)
    const right = message.subject === `own.${this.number}` && (from + round) % all === this.number
    if (!right || this.rounds.has(round)) say(`fault: ${this.number} got ${message.subject} ${text}`)
    this.rounds.add(round)
  }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const members = Array.from({ length: count }, (_, i) => new Member(first + i))

async function connectAll(): Promise<void> {
  const waiting = [...members]
  const dial = async (): Promise<void> => {
    for (let member = waiting.pop(); member !== undefined; member = waiting.pop()) await member.connect()
  }
  await Promise.all(Array.from({ length: DIALLING_MAX }, dial))
}

async function obey(command: string, argument: number): Promise<void> {
  switch (command) {
    case 'connect':
      return connectAll()
    case 'round':
      for (const member of members) member.publish(argument)
      return
    case 'heard': {
      const there = members.filter(({ client }) => client !== undefined)
      await until(`${argument} messages`, () => there.every(({ heard }) => heard >= argument), WAIT_MS).catch(
        () => undefined,
      )
      const wrong = there.find(({ heard }) => heard !== argument)
      if (wrong !== undefined) throw new Error(`${wrong.number} was given ${wrong.heard} messages, not ${argument}`)
      return
    }
    case 'drop':
      for (const member of members) {
        if (member.number % 2 === 0) continue
        await member.client?.close()
        member.client = undefined
      }
      return
    case 'ping':
      await Promise.all(members.map(({ client }) => client?.sync()))
      return
    default:
      throw new Error(`unknown command ${command}`)
  }
}

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const [command, argument] = line.split(' ')
  obey(command, Number(argument)).then(
    () => say(`done ${line}`),
    (error: unknown) => say(`fault: ${String(error)}`),
  )
})
lines.on('close', () => process.exit(0))
