// A load generator's thread: the entry of the piscina pool. Each exported function is a task; it opens its connections,
// says `ready`, and resolves when its part of the load is done. Any connection that fails rejects the task.

export { publishBatches } from './batch-publisher.ts'
export { request } from './requests.ts'
export { liveShortly } from './short-connections.ts'
export { consumeStream } from './stream-consumer.ts'
export { getStream } from './stream-getter.ts'
export { publishStream } from './stream-publisher.ts'
export { publishTraffic, receiveTraffic } from './traffic.ts'

import type { MessagePort } from 'node:worker_threads'
import { percentile } from '../statistics.ts'
import { MessageCounter, RawConnection } from './raw-connection.ts'
import { anyFailed, now, openAll } from './task.ts'
import type { Command, Exchanged, ExchangeTask, HoldTask, Received, ReceiveTask, SendTask, Sent } from './tasks.ts'

/** Receivers that get nothing at all for so long give up. */
const STALL_MS = 30_000
/** Cycles that a sender has under way: some in the kernel, some behind them. */
const WRITES = 4
const PING = Buffer.from('PING\r\n')

function closeAll(connections: readonly RawConnection[], control: MessagePort): void {
  for (const connection of connections) connection.close()
  control.close()
}

/** Receives equally long messages on any number of connections until all that are owed have come. */
export async function receive(task: ReceiveTask): Promise<Received> {
  const progress = new BigInt64Array(task.progress)
  const counters = task.subscriptions.map(() => new MessageCounter(task.stride, task.initial))
  let owed = task.messages
  let received = 0
  let lastMs = 0
  let finish: () => void = () => undefined
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const look = (): void => {
    if (received === owed && counters.every((counter) => counter.isWhole)) {
      lastMs = now()
      finish()
    }
  }
  task.control.on('message', (command: Command) => {
    if (command.kind !== 'expect') return
    owed = command.messages
    look()
  })
  const connections = await openAll(task.subscriptions.length, task.control, (index) =>
    RawConnection.open(task.endpoint, task.subscriptions[index], (bytes, connection) => {
      received += counters[index].take(bytes, connection)
      Atomics.store(progress, 0, BigInt(received))
      if (owed !== undefined && received >= owed) look()
    }),
  )
  let before = -1
  let watch: NodeJS.Timeout | undefined
  const stalled = new Promise<never>((_, reject) => {
    watch = setInterval(() => {
      if (received === before) reject(new Error(`${received} of ${owed ?? 'all'} messages came, then none any more`))
      before = received
    }, STALL_MS)
  })
  try {
    await Promise.race([finished, stalled, anyFailed(connections)])
  } finally {
    clearInterval(watch)
    closeAll(connections, task.control)
  }
  const wrong = counters.findIndex((counter, i) => task.each !== undefined && counter.messages !== task.each[i])
  if (wrong >= 0) {
    throw new Error(`connection ${wrong} got ${counters[wrong].messages} messages, not ${task.each?.[wrong]}`)
  }
  return { messages: received, lastMs }
}

/** What a sender reads: PONGs, of which the one behind its last cycle counts, and PINGs. */
class Answers {
  /** Called for each PONG. */
  onPong: () => void = () => undefined
  private text = ''

  take(bytes: Buffer, connection: RawConnection): void {
    this.text += bytes.toString('latin1')
    for (let end = this.text.indexOf('\r\n'); end >= 0; end = this.text.indexOf('\r\n')) {
      const line = this.text.slice(0, end)
      this.text = this.text.slice(end + 2)
      if (line === 'PONG') this.onPong()
      else if (line === 'PING') connection.pong()
      else if (!line.startsWith('INFO')) throw new Error(`the server sent: ${line}`)
    }
  }
}

/** Sends a cycle of protocol text again and again as fast as the server takes it. */
export async function send(task: SendTask): Promise<Sent> {
  const cycle = Buffer.from(task.cycle.buffer, task.cycle.byteOffset, task.cycle.byteLength)
  const answers = Array.from({ length: task.connections }, () => new Answers())
  let stopped = false
  let go: () => void = () => undefined
  const gone = new Promise<void>((resolve) => {
    go = resolve
  })
  task.control.on('message', (command: Command) => {
    if (command.kind === 'go') go()
    else if (command.kind === 'stop') stopped = true
  })
  const connections = await openAll(task.connections, task.control, (index) =>
    RawConnection.open(task.endpoint, '', (bytes, connection) => answers[index].take(bytes, connection)),
  )
  const failed = anyFailed(connections)

  const sendAll = (connection: RawConnection, answer: Answers): Promise<number> =>
    new Promise((resolve) => {
      const encoded = connection.encode(cycle)
      let sent = 0
      let finished = false
      const written = (error?: Error | null): void => {
        // `failed` tells; another write would come back at once, and so for ever.
        if (error) return
        if (!stopped && sent < (task.rounds ?? Number.POSITIVE_INFINITY)) {
          sent++
          connection.writeEncoded(encoded, written)
          return
        }
        if (finished) return
        finished = true
        answer.onPong = () => resolve(sent)
        connection.write(PING)
      }
      for (let i = 0; i < WRITES; i++) written()
    })
  try {
    await Promise.race([gone, failed])
    const firstMs = now()
    const all = Promise.all(connections.map((connection, i) => sendAll(connection, answers[i])))
    const rounds = await Promise.race([all, failed])
    return { rounds: rounds.reduce((sum, each) => sum + each, 0), firstMs, lastMs: now() }
  } finally {
    closeAll(connections, task.control)
  }
}

/** One requester and one responder, each on its own connection, one request at a time. */
export async function exchange(task: ExchangeTask): Promise<Exchanged> {
  const payload = 'x'.repeat(task.bytes)
  const request = Buffer.from(`PUB service answer ${task.bytes}\r\n${payload}\r\n`)
  const answer = Buffer.from(`PUB answer ${task.bytes}\r\n${payload}\r\n`)
  const strides = [`MSG answer 1 ${task.bytes}\r\n`, `MSG service 1 answer ${task.bytes}\r\n`].map(
    (head) => head.length + task.bytes + 2,
  )
  const [answered, asked] = strides.map((stride) => new MessageCounter(stride, 'M'))
  const times = new Float64Array(task.requests)
  let done = -task.warmUp
  let sentMs = 0
  let startMs = 0
  let finish: () => void = () => undefined
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const ask = (connection: RawConnection): void => {
    sentMs = now()
    connection.write(request)
  }
  const takeAnswer = (bytes: Buffer, connection: RawConnection): void => {
    if (!answered.takeWhole(bytes, connection)) return
    const endMs = now()
    if (done >= 0) times[done] = (endMs - sentMs) * 1000
    done++
    if (done === 0) startMs = endMs
    if (done === task.requests) finish()
    else ask(connection)
  }
  const takeRequest = (bytes: Buffer, connection: RawConnection): void => {
    if (asked.takeWhole(bytes, connection)) connection.write(answer)
  }
  const [requester, responder] = await openAll(2, task.control, (index) =>
    index === 0
      ? RawConnection.open(task.endpoint, 'SUB answer 1\r\n', takeAnswer)
      : RawConnection.open(task.endpoint, 'SUB service 1\r\n', takeRequest),
  )
  try {
    const go = new Promise<void>((resolve) => {
      task.control.on('message', (command: Command) => {
        if (command.kind === 'go') resolve()
      })
    })
    const failed = anyFailed([requester, responder])
    await Promise.race([go, failed])
    ask(requester)
    await Promise.race([finished, failed])
    const elapsedMs = now() - startMs
    times.sort()
    return { p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99), rate: (task.requests * 1000) / elapsedMs }
  } finally {
    closeAll([requester, responder], task.control)
  }
}

/** Opens connections and holds them, answering PINGs, until it is told to stop. */
export async function hold(task: HoldTask): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    task.control.on('message', (command: Command) => {
      if (command.kind === 'stop') resolve()
    })
  })
  const connections = await openAll(
    task.connections,
    task.control,
    async () => {
      const answers = new Answers()
      const opened = await RawConnection.open(task.endpoint, task.subscription, (bytes, connection) => {
        if (task.stuck) connection.pause()
        else answers.take(bytes, connection)
      })
      if (task.stuck) opened.pause()
      return opened
    },
    task.dialling,
  )
  try {
    // A stuck connection is expected to be closed by the server in the end.
    await (task.stuck ? stopped : Promise.race([stopped, anyFailed(connections)]))
  } finally {
    closeAll(connections, task.control)
  }
}
