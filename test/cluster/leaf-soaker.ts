// A hub with two leaf nodes under numbered traffic, over lines that are cut, held and sliced by seed. In quiet times
// every subscriber has every message once and in order, and of a queue group one member each; in storms messages may be
// lost, and none comes twice. Run by leaf-soak.test.ts for a moment and by leaf-soak.ts for as long as is wished.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../support/random.ts'
import { RawClient } from '../support/raw-client.ts'
import type { ServerProgram } from '../support/server.ts'
import { until } from '../support/until.ts'
import { Line } from './line.ts'
import { type Kind, leafPortOf } from './servers.ts'

const TICK_MS = 10
const BURST = 5

export interface SoakTotals {
  rounds: number
  published: number
  received: number
  lostInStorms: number
  /** From the moment that a line was back to the first message that came through, the longest. */
  slowestHealMs: number
}

/** A server with a publisher, a subscriber, and a member of a queue group. */
class Station {
  readonly index: number
  private readonly publisher: RawClient
  private readonly ear: RawClient
  private readonly worker: RawClient
  next = 0
  /** By publisher: the latest number. */
  readonly latest = new Map<number, number>()
  readonly work: string[] = []
  received = 0
  gaps = 0

  private constructor(index: number, clients: readonly RawClient[]) {
    this.index = index
    ;[this.publisher, this.ear, this.worker] = clients
    this.ear.onMessage = ({ subject, payload }) => this.hear(Number(subject.slice(4)), Number(payload.toString()))
    this.worker.onMessage = ({ payload }) => this.work.push(payload.toString())
  }

  static async at(server: ServerProgram, index: number): Promise<Station> {
    const clients = [
      await RawClient.open(server.port),
      await RawClient.open(server.port),
      await RawClient.open(server.port),
    ]
    const station = new Station(index, clients)
    station.ear.send('SUB seq.* 1\r\n')
    station.worker.send('SUB work group 1\r\n')
    await station.ear.sync()
    await station.worker.sync()
    return station
  }

  private hear(from: number, number: number): void {
    const latest = this.latest.get(from) ?? -1
    assert(number > latest, `station ${this.index} had ${number} of ${from} behind ${latest}`)
    this.gaps += number - latest - 1
    this.latest.set(from, number)
    this.received++
  }

  publish(count: number, withWork: boolean): void {
    let text = ''
    for (let i = 0; i < count; i++) {
      const number = `${this.next++}`
      text += `PUB seq.${this.index} ${number.length}\r\n${number}\r\n`
      const item = `${this.index}.${number}`
      if (withWork) text += `PUB work ${item.length}\r\n${item}\r\n`
    }
    this.publisher.send(text)
  }

  async close(): Promise<void> {
    await Promise.all([this.publisher, this.ear, this.worker].map((client) => client.close()))
  }
}

/** Runs for `seconds`. Throws at the first message too many, or too few in a quiet time. */
export async function soakLeafs(
  [hubKind, ...leafKinds]: readonly [Kind, Kind, Kind],
  random: Random,
  seconds: number,
  tell: (text: string) => void = () => undefined,
): Promise<SoakTotals> {
  const totals: SoakTotals = { rounds: 0, published: 0, received: 0, lostInStorms: 0, slowestHealMs: 0 }
  const folder = mkdtempSync(join(tmpdir(), 'heddle-soak-'))
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const serve = async (kind: Kind, name: string, config: string): Promise<ServerProgram> => {
    const file = join(folder, `${name}.conf`)
    writeFileSync(file, `server_name: ${name}\n${config}\n`)
    const program = await kind.start(['-c', file])
    ends.unshift(() => program.stop('SIGKILL'))
    return program
  }
  try {
    const hub = await serve(hubKind, 'HUB', 'leafnodes { listen: "127.0.0.1:-1" }')
    const stations = [await Station.at(hub, 0)]
    const lines: Line[] = []
    for (const [i, kind] of leafKinds.entries()) {
      const line = await Line.open(await leafPortOf(hub))
      lines.push(line)
      ends.unshift(() => line.end())
      const url = `nats://127.0.0.1:${line.port}`
      const leaf = await serve(kind, `LEAF${i}`, `leafnodes { remotes: [ { url: "${url}" } ] }`)
      stations.push(await Station.at(leaf, i + 1))
    }
    for (const station of stations) ends.unshift(() => station.close())
    const endMs = performance.now() + seconds * 1000
    await healed(stations)
    do {
      await quiet(stations, random, totals)
      const before = gapsOf(stations)
      await storm(stations, lines, random, totals)
      const backMs = performance.now()
      await healed(stations)
      totals.lostInStorms += gapsOf(stations) - before
      totals.slowestHealMs = Math.max(totals.slowestHealMs, performance.now() - backMs)
      totals.rounds++
      tell(`round ${totals.rounds}: ${totals.published} published, ${totals.lostInStorms} lost in storms`)
    } while (performance.now() < endMs)
    totals.received = stations.reduce((sum, { received }) => sum + received, 0)
    return totals
  } finally {
    for (const end of ends) await end()
  }
}

/** Until everybody has something new of everybody, in both directions. */
async function healed(stations: readonly Station[]): Promise<void> {
  const before = stations.map(({ next }) => next)
  await until(
    'all lines to pass messages',
    () => {
      for (const station of stations) station.publish(1, false)
      return stations.every(({ latest }) => before.every((number, from) => (latest.get(from) ?? -1) >= number))
    },
    30_000,
  )
}

async function quiet(stations: readonly Station[], random: Random, totals: SoakTotals): Promise<void> {
  await arrived(stations)
  const gaps = stations.map((station) => station.gaps)
  for (const { work } of stations) work.length = 0
  const ticks = 10 + random.below(40)
  const expected: string[] = []
  for (let tick = 0; tick < ticks; tick++) {
    for (const station of stations) {
      for (let i = 0; i < BURST; i++) expected.push(`${station.index}.${station.next + i}`)
      station.publish(BURST, true)
    }
    await pause(TICK_MS)
  }
  await arrived(stations)
  assert.deepEqual(
    stations.map((station) => station.gaps),
    gaps,
    'messages were lost in a quiet time',
  )
  const done = (): string[] => stations.flatMap(({ work }) => work)
  await until('all work to be done', () => done().length >= expected.length)
  assert.deepEqual(done().sort(), expected.sort(), 'each message for a queue group has one member')
  totals.published += 2 * expected.length
}

async function arrived(stations: readonly Station[]): Promise<void> {
  await until('all messages to arrive', () =>
    stations.every(({ latest }) => stations.every(({ index, next }) => (latest.get(index) ?? -1) === next - 1)),
  )
}

/** One line does badly for a while, and is back at the end. */
async function storm(
  stations: readonly Station[],
  lines: readonly Line[],
  random: Random,
  totals: SoakTotals,
): Promise<void> {
  const line = random.pick(lines)
  const publish = async (ticks: number): Promise<void> => {
    for (let tick = 0; tick < ticks; tick++) {
      for (const station of stations) station.publish(BURST, true)
      totals.published += 2 * BURST * stations.length
      await pause(TICK_MS)
    }
  }
  switch (random.below(4)) {
    case 0:
      line.cut()
      await publish(5 + random.below(60))
      line.mend()
      break
    case 1:
      line.reset()
      await publish(random.below(20))
      break
    case 2:
      line.hold()
      await publish(5 + random.below(40))
      line.release()
      break
    default:
      line.sliceBytes = 1 + random.below(30)
      line.delayMs = random.below(5)
      await publish(5 + random.below(20))
      line.sliceBytes = Number.POSITIVE_INFINITY
      line.reset()
      line.delayMs = 0
  }
}

/** Messages that were missed, over all. */
const gapsOf = (stations: readonly Station[]): number => stations.reduce((sum, { gaps }) => sum + gaps, 0)

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
