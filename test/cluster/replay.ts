// Plays one side of a recorded conversation to a server: what it said is said again, step by step, while clients at the
// server do what the clients of the recorded server did there.

import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import { until } from '../support/until.ts'
import {
  cut,
  fenceOf,
  OPENING,
  otherOf,
  type Recording,
  type Role,
  readyOf,
  type Said,
  type Scenario,
  Side,
  type Step,
} from './conversation.ts'
import { membersOf, type Operation, operationsOf } from './recording.ts'
import type { Kind } from './servers.ts'

export interface Replayed {
  readonly said: Said
  readonly heard: readonly (readonly string[])[]
}

/** One connection that is played. */
class Player {
  /** What the server has said. */
  text = ''
  private readonly socket: Socket
  private answered = 0

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1')
      const pings = this.said.filter(({ verb }) => verb === 'PING').length
      for (; this.answered < pings; this.answered++) socket.write('PONG\r\n')
    })
    onTestFinished(() => void socket.destroy())
  }

  get said(): Operation[] {
    return operationsOf(this.text)
  }

  count(verb: string): number {
    return this.said.filter((operation) => operation.verb === verb).length
  }

  write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  play(operations: readonly Operation[]): void {
    this.write(operations.map(({ raw }) => raw).join(''))
  }

  /** The server has carried out what it was told. */
  async flush(): Promise<void> {
    const pongs = this.count('PONG')
    this.socket.write('PING\r\n')
    await until('PONG', () => this.count('PONG') > pongs)
  }
}

const isInfo = ({ verb }: Operation): boolean => verb === 'INFO'
const isConnect = ({ verb }: Operation): boolean => verb === 'CONNECT'

class Stage {
  readonly players = new Map<string, Player>()
  private readonly recorded: Said
  private readonly scenario: Scenario

  constructor(recorded: Said, scenario: Scenario) {
    this.recorded = recorded
    this.scenario = scenario
  }

  private openingOf(place: string): readonly Operation[] {
    return this.recorded.get(place)?.[0] ?? []
  }

  /** Plays the dialler: one connection after the other, as they were made. */
  async dial(port: number): Promise<void> {
    for (const place of this.recorded.keys()) {
      const player = new Player(connect(port, '127.0.0.1'))
      this.players.set(place, player)
      const opening = this.openingOf(place).filter(({ verb }) => !verb.endsWith('MSG'))
      await until('INFO', () => player.count('INFO') > 0)
      const [login] = opening.filter(isConnect)
      const { adapt } = this.scenario
      player.write(adapt === undefined ? login.raw : adapt(login, membersOf(player.said, 'INFO')))
      await until('the answer to CONNECT', () => player.count('INFO') >= this.scenario.greetings)
      player.play(opening.filter((operation) => !isConnect(operation)))
      await player.flush()
    }
  }

  /** Plays the acceptor, on a port that is the result. */
  async listen(): Promise<number> {
    const server = createServer((socket) => void this.accept(new Player(socket)))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  private async accept(player: Player): Promise<void> {
    const [place] = this.recorded.keys()
    const [first] = this.openingOf(place).filter(isInfo)
    player.play([first])
    const said = await until('the dialler to say who it is', () => this.scenario.placeOf(player.said))
    const rest = this.openingOf(said).filter(({ verb }) => !verb.endsWith('MSG'))
    rest.splice(rest.findIndex(isInfo), 1)
    player.play(rest)
    await player.flush()
    this.players.set(said, player)
  }

  async joined(): Promise<void> {
    await until('all connections of the recording', () =>
      [...this.recorded.keys()].every((key) => this.players.has(key)),
    )
  }

  get all(): Operation[] {
    return [...this.players.values()].flatMap(({ said }) => said)
  }

  play(step: number): void {
    for (const [place, player] of this.players) {
      const operations = this.recorded.get(place)?.[step] ?? []
      player.play(step === 0 ? operations.filter(({ verb }) => verb.endsWith('MSG')) : operations)
    }
  }

  async pass(role: Role, step: number): Promise<void> {
    for (const account of this.scenario.accounts) {
      const subject = fenceOf(role, account, step)
      await until(subject, () => this.hears(subject))
    }
  }

  hears(subject: string): boolean {
    return this.all.some(({ verb, text }) => verb.endsWith('MSG') && text.split(' ').includes(subject))
  }
}

/** Replays a recording to a server of this kind, in this role. */
export async function replay(recording: Recording, scenario: Scenario, kind: Kind, role: Role): Promise<Replayed> {
  const folder = scratchDirectory()
  const stage = new Stage(recording.said[otherOf(role)], scenario)
  const port = role === 'dialler' ? await stage.listen() : 0
  const program = await scenario.start(kind, role, folder, port)
  if (role === 'acceptor') await stage.dial(await scenario.portOf(program))
  await stage.joined()
  const side = await Side.at(program, role, scenario)
  await side.call((account) => stage.hears(readyOf(role, account)))
  const heard: string[][] = []
  const marks: Map<string, number>[] = []
  for (const [number, step] of [OPENING, ...scenario.steps].entries()) {
    await (step.by === role ? act(number, step) : witness(number))
    heard.push(side.take())
    marks.push(new Map([...stage.players].map(([place, { said }]) => [place, said.length])))
  }
  const said = new Map<string, Operation[][]>()
  for (const [place, player] of stage.players) {
    said.set(
      place,
      cut(
        player.said,
        marks.map((counts) => counts.get(place) ?? 0),
      ),
    )
  }
  return { said, heard }

  async function act(number: number, { name, act: perform, awaits }: Step): Promise<void> {
    await perform(side)
    if (awaits !== undefined) await until(name, () => awaits(stage.all))
    await side.raise()
    await stage.pass(role, number)
    stage.play(number)
    await side.pass(number)
  }

  async function witness(number: number): Promise<void> {
    stage.play(number)
    await side.pass(number)
    await side.raise()
    await stage.pass(role, number)
  }
}
