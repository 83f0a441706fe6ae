// A conversation of two real nats-servers over a line, recorded step by step, so that either side of it can be played
// to another server (replay.ts) while the same clients act there.
//
//     step:  clients of one side act ─▶ its fence passes to the other side ─▶ the fence of the other side comes back
//
// A fence is a message that follows what was said before it on the connection of its account: when it has been heard,
// the other server has carried out all of the step.

import { onTestFinished } from 'vitest'
import { scratchDirectory } from '../support/configured-servers.ts'
import type { ConnectMembers } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Line } from './line.ts'
import { Party } from './parties.ts'
import { membersOf, type Operation, operationsOf, plainText } from './recording.ts'
import { type Kind, NATS_SERVER } from './servers.ts'

export const ROLES = ['dialler', 'acceptor'] as const
export type Role = (typeof ROLES)[number]

export const otherOf = (role: Role): Role => (role === 'dialler' ? 'acceptor' : 'dialler')

export interface Step {
  readonly name: string
  readonly by: Role
  readonly act: (side: Side) => Promise<void>
  /** What the server itself has said when the step is over: the fences do not follow that. */
  readonly awaits?: (said: readonly Operation[]) => boolean
}

export interface Scenario {
  /** Each with a user of its name, in small letters, and the password `x`. */
  readonly accounts: readonly string[]
  readonly steps: readonly Step[]
  /** `port`: where the dialler dials. */
  readonly start: (kind: Kind, role: Role, folder: string, port: number) => Promise<ServerProgram>
  readonly portOf: (acceptor: ServerProgram) => Promise<number>
  /** INFOs of the acceptor before the dialler tells its interest. */
  readonly greetings: number
  /** Which connection it is, by what the dialler has said there; undefined: it has not said yet. */
  readonly placeOf: (said: readonly Operation[]) => string | undefined
  /** A recorded CONNECT as it is to be for a server that has said these INFOs; undefined: as it was. */
  readonly adapt?: (connect: Operation, infos: readonly Record<string, unknown>[]) => string
}

/** What is said on each connection, by its place: in the handshake, and in each step. */
export type Said = ReadonlyMap<string, readonly (readonly Operation[])[]>

export interface Recording {
  readonly said: Readonly<Record<Role, Said>>
  /** What clients have heard in each step. */
  readonly heard: Readonly<Record<Role, readonly (readonly string[])[]>>
}

const FENCE = 'fence'
const READY = 'ready'

export const fenceOf = (role: Role, account: string, step: number): string => `${FENCE}.${role}.${account}.${step}`
export const readyOf = (role: Role, account: string): string => `${READY}.${role}.${account}`

/** The clients at one server. */
export class Side {
  readonly program: ServerProgram
  private readonly role: Role
  private readonly parties = new Map<string, Party>()
  private readonly fences = new Map<string, Party>()
  private fenceNumber = 0

  private constructor(program: ServerProgram, role: Role) {
    this.program = program
    this.role = role
  }

  /** With clients that hear the fences of the other side. */
  static async at(program: ServerProgram, role: Role, { accounts }: Scenario): Promise<Side> {
    const side = new Side(program, role)
    for (const account of accounts) {
      const fence = await Party.at(program, userOf(account))
      await fence.subscribe(`${FENCE}.${otherOf(role)}.${account}.*`)
      await fence.subscribe(readyOf(otherOf(role), account))
      side.fences.set(account, fence)
    }
    return side
  }

  /** A client of an account, the same one for the same name. */
  async party(account: string, name = '', members: ConnectMembers = {}): Promise<Party> {
    const key = `${account} ${name}`
    const found = this.parties.get(key) ?? (await Party.at(this.program, { ...userOf(account), ...members }))
    this.parties.set(key, found)
    return found
  }

  /** One is gone, and the server knows it. */
  async leave(account: string, name = ''): Promise<void> {
    await (await this.party(account, name)).client.leave()
  }

  /** What has been said here is carried out, and the next fence follows it. */
  async raise(): Promise<void> {
    for (const party of this.parties.values()) if (!party.client.isClosed) await party.flush()
    const number = this.fenceNumber++
    for (const [account, fence] of this.fences) {
      fence.publish(fenceOf(this.role, account, number))
      await fence.flush()
    }
  }

  /** The other side's fences of this step have come. */
  async pass(step: number): Promise<void> {
    for (const [account, fence] of this.fences) {
      const subject = fenceOf(otherOf(this.role), account, step)
      await until(subject, () => fence.count(subject) > 0)
    }
    for (const party of this.parties.values()) if (!party.client.isClosed) await party.flush()
  }

  /** Says that it is there until it is known that the other side can hear it. */
  async call(isHeard: (account: string) => boolean): Promise<void> {
    for (const [account, fence] of this.fences) {
      await until(`interest of the other side in ${account}`, () => {
        fence.publish(readyOf(this.role, account))
        return isHeard(account)
      })
    }
  }

  hears(account: string): boolean {
    return (this.fences.get(account)?.count(readyOf(otherOf(this.role), account)) ?? 0) > 0
  }

  /**
   * What its clients have heard since this was asked last. Which member of a queue group had a message is left out, as
   * any may; an INFO says how many URLs it names.
   */
  take(): string[] {
    const texts: string[] = []
    for (const [name, { heard, lines, groups }] of this.parties) {
      for (const { subject, sid, reply, header, payload } of heard) {
        const group = groups.get(sid)
        const who = group === undefined ? `${name} ${sid}` : `a member of ${group}`
        texts.push(`${who}: ${subject} ${reply} ${header.toString('latin1')}${payload.toString('latin1')}`)
      }
      for (const line of lines) texts.push(`${name}: ${line.startsWith('INFO ') ? briefInfo(line) : line}`)
      heard.length = 0
      lines.length = 0
    }
    return texts.sort()
  }
}

const userOf = (account: string): ConnectMembers => ({ user: account.toLowerCase(), pass: 'x' })

function briefInfo(line: string): string {
  const [info] = membersOf(operationsOf(`${line}\r\n`), 'INFO')
  const urls = info['connect_urls']
  return `INFO ldm ${info['ldm'] === true} connect_urls ${Array.isArray(urls) ? urls.length : 0}`
}

/** Whether it belongs to the conversation, rather than to finding out that both sides are there. */
export function isOfConversation({ verb, text }: Operation): boolean {
  if (verb === 'PING' || verb === 'PONG') return false
  return !(verb.endsWith('MSG') && text.includes(`${READY}.`))
}

export async function record(scenario: Scenario): Promise<Recording> {
  const folder = scratchDirectory()
  const acceptor = await scenario.start(NATS_SERVER, 'acceptor', folder, 0)
  const line = await Line.to(await scenario.portOf(acceptor))
  const dialler = await scenario.start(NATS_SERVER, 'dialler', folder, line.port)
  const sides = {
    dialler: await Side.at(dialler, 'dialler', scenario),
    acceptor: await Side.at(acceptor, 'acceptor', scenario),
  }
  await sides.dialler.call((account) => sides.acceptor.hears(account))
  await sides.acceptor.call((account) => sides.dialler.hears(account))
  const marks = { dialler: [] as number[][], acceptor: [] as number[][] }
  const heard = { dialler: [] as string[][], acceptor: [] as string[][] }
  const saidBy = (role: Role): Operation[][] =>
    line.passages.map((passage) => operationsOf(plainText(passage[role === 'dialler' ? 'out' : 'in'])))
  for (const [number, step] of [OPENING, ...scenario.steps].entries()) {
    const [actor, witness] = [sides[step.by], sides[otherOf(step.by)]]
    await step.act(actor)
    const { awaits } = step
    if (awaits !== undefined) await until(step.name, () => awaits(saidBy(step.by).flat()))
    await actor.raise()
    await witness.pass(number)
    await witness.raise()
    await actor.pass(number)
    for (const role of ROLES) {
      marks[role].push(saidBy(role).map(({ length }) => length))
      heard[role].push(sides[role].take())
    }
  }
  const said = { dialler: new Map(), acceptor: new Map() }
  for (const role of ROLES) {
    for (const [i, operations] of saidBy(role).entries()) {
      const place = scenario.placeOf(saidBy('dialler')[i])
      if (place !== undefined)
        said[role].set(
          place,
          cut(
            operations,
            marks[role].map((counts) => counts[i] ?? 0),
          ),
        )
    }
  }
  return { said, heard }
}

/** Both sides are there, and know it. */
export const OPENING: Step = { name: 'opening', by: 'dialler', act: async () => undefined }

/** Operations, parted where each step has ended. */
export function cut(operations: readonly Operation[], ends: readonly number[]): Operation[][] {
  return ends.map((end, i) => operations.slice(ends[i - 1] ?? 0, end).filter(isOfConversation))
}

/** Ends a program with the test that calls this. */
export function ended(program: ServerProgram): ServerProgram {
  onTestFinished(async () => void (await program.stop('SIGKILL')))
  return program
}
