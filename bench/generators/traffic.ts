// The two ends of traffic (../traffic.ts), each a task of a generator's thread: to publish, and to receive what is owed.

import type { Traffic } from '../traffic.ts'
import { BareConnection, PING, PONG } from './bare-connection.ts'
import { ByteReceiver } from './byte-receiver.ts'
import { Inspector } from './inspector.ts'
import { anyFailed, now, openAll, whenTold } from './task.ts'
import type { Task } from './tasks.ts'

export interface ReceiveTrafficTask extends Task {
  readonly traffic: Traffic
  /** For each subscriber: CONNECT and its SUBs. */
  readonly hellos: readonly string[]
  /** … and the bytes that it is owed in all. */
  readonly owed: readonly number[]
}

export interface PublishTrafficTask extends Task {
  readonly publishers: readonly {
    /** Its CONNECT. */
    readonly hello: string
    /** What it writes in a round, one piece at once. */
    readonly pieces: readonly Uint8Array[]
  }[]
  readonly rounds: number
}

export interface Span {
  readonly firstMs: number
  readonly lastMs: number
}

/** Subscribers that get nothing at all for so long give up. */
const STALL_MS = 20_000
/** A publisher whose writes never wait lets others have their turn after so many. */
const WRITES_A_TURN = 16

/** Subscribes, and receives until everything that is owed has come, which is when `lastMs` is. */
export async function receiveTraffic({ traffic, hellos, owed, endpoint, control }: ReceiveTrafficTask): Promise<Span> {
  const inspector = new Inspector(traffic)
  const receivers = hellos.map((_, i) => new ByteReceiver(i, inspector))
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
    return { firstMs, lastMs }
  } finally {
    clearInterval(watch)
    for (const { socket } of connections) socket.close()
    control.close()
  }
}

/** Publishes all rounds as fast as the server takes them, all publishers in turn; `lastMs` is when it has confirmed. */
export async function publishTraffic({ publishers, rounds, endpoint, control }: PublishTrafficTask): Promise<Span> {
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
    publishInTurn(
      connections,
      publishers.map(({ pieces }) => pieces),
      rounds,
    )
    await Promise.race([Promise.all(answers.map(({ promise }) => promise)), failed])
    return { firstMs, lastMs: now() }
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
): void {
  const written = connections.map(() => 0)
  let free = connections.map((_, i) => i)
  let isScheduled = false
  const schedule = (): void => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(turn)
  }
  const writeNext = (i: number): boolean => {
    const own = pieces[i]
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
  const isLast = (i: number): boolean => written[i] === rounds * pieces[i].length
  const turn = (): void => {
    isScheduled = false
    for (let writes = 0; writes < WRITES_A_TURN && free.length > 0; writes += free.length) free = free.filter(writeNext)
    if (free.length > 0) schedule()
  }
  turn()
}
