// The two ends of traffic (../traffic.ts), each a task of a generator's thread: to publish, and to receive what is owed.

import type { Traffic } from '../traffic.ts'
import { ArrivalClock, type Marks } from './arrival-clock.ts'
import { Backlog, type BacklogMemory } from './backlog.ts'
import { BareConnection, PING, PONG } from './bare-connection.ts'
import { ByteReceiver } from './byte-receiver.ts'
import { Inspector } from './inspector.ts'
import { anyFailed, now, openAll, whenTold } from './task.ts'
import type { Task } from './tasks.ts'

export interface ReceiveTrafficTask extends Task {
  readonly traffic: Traffic
  /** For each subscriber: CONNECT and its SUBs. */
  readonly hellos: readonly string[]
  readonly backlog: BacklogMemory
  /** To be told when each piece of the only publisher has come: for each subscriber the bytes after each in a round. */
  readonly marks?: readonly Marks[]
}

export interface ReceivedTraffic extends Span {
  /** For each subscriber, when each piece had come; empty without marks. */
  readonly arrivals: readonly Float64Array[]
}

export interface PublishTrafficTask extends Task {
  readonly publishers: readonly {
    /** Its CONNECT. */
    readonly hello: string
    /** What it writes in a round, one piece at once. */
    readonly pieces: readonly Uint8Array[]
  }[]
  readonly rounds: number
  /** Not to be exceeded by what has been published. */
  readonly backlog: BacklogMemory
  /** Undefined: as fast as they are taken. */
  readonly pace?: Pace
}

/** When the only publisher writes its next piece. */
export interface Pace {
  readonly ms: number
  /** So long after the time of the piece before, by the clock; or after that one has come to all subscribers. */
  readonly after: 'departure' | 'arrival'
}

export interface PublishedTraffic extends Span {
  /** When each piece was written; empty where they are as fast as they are taken. */
  readonly departures: Float64Array
}

export interface Span {
  readonly firstMs: number
  readonly lastMs: number
}

/** Subscribers that get nothing at all for so long give up. */
const STALL_MS = 20_000
/** A publisher whose writes never wait lets others have their turn after so many. */
const WRITES_A_TURN = 16
const BACKLOG_PAUSE_MS = 1
const TICK_MS = 1

/** Subscribes, and receives until everything that is owed has come, which is when `lastMs` is. */
export async function receiveTraffic(task: ReceiveTrafficTask): Promise<ReceivedTraffic> {
  const { traffic, hellos, endpoint, control } = task
  const { owed } = task.backlog
  const backlog = new Backlog(task.backlog)
  const inspector = new Inspector(traffic)
  const receivers = hellos.map((_, i) => new ByteReceiver(i, inspector))
  const clocks = task.marks?.map((marks, i) => new ArrivalClock(marks, owed[i]))
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  let waiting = receivers.filter((_, i) => owed[i] > 0).length
  if (waiting === 0) finish()
  let [firstMs, lastMs] = [0, 0]
  const connections = await openAll(hellos.length, control, (i) =>
    BareConnection.open(endpoint.port, hellos[i], (bytes, connection) => {
      const receiver = receivers[i]
      if (firstMs === 0) firstMs = now()
      const wasShort = receiver.bytes < owed[i]
      receiver.take(bytes, connection)
      backlog.received(i, receiver.bytes)
      if (clocks !== undefined) backlog.arrived(i, clocks[i].note(receiver.bytes))
      if (!wasShort || receiver.bytes < owed[i] || --waiting > 0) return
      lastMs = now()
      finish()
    }),
  )
  const failed = anyFailed(connections)
  let before = -1
  let watch: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    watch = setInterval(() => {
      const bytes = receivers.reduce((sum, receiver) => sum + receiver.bytes, 0)
      const all = owed.reduce((sum, each) => sum + each, 0)
      if (bytes === before) reject(new Error(`${bytes} of ${all} bytes came, then none any more`))
      before = bytes
    }, STALL_MS)
  })
  try {
    await Promise.race([finished, stalled, failed])
    const confirmed = Promise.all(connections.map((connection, i) => receivers[i].confirm(connection, owed[i])))
    await Promise.race([confirmed, stalled])
    return { firstMs, lastMs, arrivals: clocks?.map(({ times }) => times) ?? [] }
  } finally {
    clearInterval(watch)
    for (const { socket } of connections) socket.close()
    control.close()
  }
}

/** Publishes all rounds as fast as the server takes them, all publishers in turn; `lastMs` is when it has confirmed. */
export async function publishTraffic(task: PublishTrafficTask): Promise<PublishedTraffic> {
  const { publishers, rounds, pace, endpoint, control } = task
  const isGo = whenTold(control, 'go')
  const answers = publishers.map(() => Promise.withResolvers<void>())
  const connections = await openAll(publishers.length, control, (i) =>
    BareConnection.open(endpoint.port, publishers[i].hello, (bytes, { socket }) => {
      const text = bytes.toString('latin1')
      if (text.includes('-ERR')) throw new Error(text.trim())
      if (text.endsWith(PING)) socket.writeText(PONG)
      if (text.includes(PONG)) answers[i].resolve()
    }),
  )
  const failed = anyFailed(connections)
  try {
    await Promise.race([isGo, failed])
    const firstMs = now()
    const pieces = publishers.map((publisher) => publisher.pieces)
    let departures: Float64Array = new Float64Array()
    const backlog = new Backlog(task.backlog)
    if (pace === undefined) publishInTurn(connections, pieces, rounds, backlog)
    else departures = publishAtPace(connections[0], pieces[0], rounds, pace, backlog)
    await Promise.race([Promise.all(answers.map(({ promise }) => promise)), failed])
    return { firstMs, lastMs: now(), departures }
  } finally {
    for (const { socket } of connections) socket.close()
    control.close()
  }
}

/** One piece of each publisher that can write, and so on; behind its last piece each sends a PING. */
function publishInTurn(
  connections: readonly BareConnection[],
  pieces: readonly (readonly Uint8Array[])[],
  rounds: number,
  backlog: Backlog,
): void {
  const all = rounds * pieces.reduce((sum, { length }) => sum + length, 0)
  const written = connections.map(() => 0)
  let writtenInAll = 0
  let free = connections.map((_, i) => i)
  let isScheduled = false
  const isLast = (i: number): boolean => written[i] === rounds * pieces[i].length
  const writeNext = (i: number): boolean => {
    const own = pieces[i]
    writtenInAll++
    const isTaken = connections[i].socket.write(own[written[i]++ % own.length], () => {
      if (isLast(i)) connections[i].socket.writeText(PING)
      else {
        free.push(i)
        schedule()
      }
    })
    if (isTaken && isLast(i)) connections[i].socket.writeText(PING)
    return isTaken && !isLast(i)
  }
  const turn = (): void => {
    isScheduled = false
    const isFull = backlog.isFull(writtenInAll / all)
    for (let writes = 0; !isFull && writes < WRITES_A_TURN && free.length > 0; writes += free.length) {
      free = free.filter(writeNext)
    }
    if (free.length > 0) schedule(isFull)
  }
  const schedule = (isFull = false): void => {
    if (isScheduled) return
    isScheduled = true
    if (isFull) setTimeout(turn, BACKLOG_PAUSE_MS)
    else setImmediate(turn)
  }
  turn()
}

/** Returns when each piece is written; several may be at once, when the thread is late by the clock. */
function publishAtPace(
  { socket }: BareConnection,
  pieces: readonly Uint8Array[],
  rounds: number,
  { ms, after }: Pace,
  backlog: Backlog,
): Float64Array {
  const times = new Float64Array(rounds * pieces.length)
  let written = 0
  let nextMs = now()
  const tick = setInterval(() => {
    if (nextMs === Number.POSITIVE_INFINITY && backlog.hasArrived(written)) nextMs = now() + ms
    for (; nextMs <= now() && written < times.length; written++) {
      times[written] = now()
      socket.write(pieces[written % pieces.length])
      nextMs = after === 'departure' ? nextMs + ms : Number.POSITIVE_INFINITY
    }
    if (written < times.length) return
    clearInterval(tick)
    socket.writeText(PING)
  }, TICK_MS)
  return times
}
