// The load generators as the bench sees them: each runs in a thread of a piscina pool, in the bench's process and never
// in the server's. A generator ends by itself, by command, or when its server is killed, which closes its connections.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { PublishBatchesTask } from './batch-publisher.ts'
import type { RequestFigures, RequestTask } from './requests.ts'
import type { ShortConnectionsTask } from './short-connections.ts'
import type { ConsumeStreamTask } from './stream-consumer.ts'
import type { GetStreamTask } from './stream-getter.ts'
import type { PublishedStream, PublishStreamTask } from './stream-publisher.ts'
import type {
  Command,
  Exchanged,
  ExchangeTask,
  HoldTask,
  Ready,
  Received,
  ReceiveTask,
  SendTask,
  Sent,
} from './tasks.ts'
import type { PublishedTraffic, PublishTrafficTask, ReceivedTraffic, ReceiveTrafficTask, Span } from './traffic.ts'

/** The busiest load has a pair's sender and receiver, held connections and a churner. */
const THREADS = 4

const pool = new Piscina({
  filename: new URL('worker.ts', import.meta.url).href,
  minThreads: 0,
  maxThreads: THREADS,
  idleTimeout: 60_000,
  // A thread that waits for its next task in Atomics.wait would not serve its sockets.
  atomics: 'disabled',
})

/** Piscina derives this type from another overload of postMessage than the one it calls. */
type TransferList = NonNullable<NonNullable<Parameters<typeof pool.run>[1]>['transferList']>

export class Generator<Result> {
  /** All its connections stand. Resolves to the milliseconds that this took. */
  readonly ready: Promise<number>
  readonly done: Promise<Result>
  private readonly control: MessagePort

  constructor(name: string, task: object) {
    const { port1, port2 } = new MessageChannel()
    this.control = port1
    this.done = pool.run({ ...task, control: port2 }, { name, transferList: [port2] as unknown as TransferList })
    const isReady = new Promise<number>((resolve) => {
      port1.on('message', (message: Ready) => resolve(message.elapsedMs))
    })
    this.ready = Promise.race([isReady, this.done.then(() => Number.NaN)])
    // Whoever waits for one of them sees the failure; the other may have nobody who waits.
    this.done.catch(() => undefined).then(() => port1.close())
    this.ready.catch(() => undefined)
  }

  tell(command: Command): void {
    this.control.postMessage(command)
  }
}

/** What a task needs besides the port through which it is commanded. */
type Given<Task> = Omit<Task, 'control'>

export class Receiver extends Generator<Received> {
  private readonly progress: BigInt64Array

  constructor(task: Omit<Given<ReceiveTask>, 'progress'>) {
    const progress = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)
    super('receive', { ...task, progress })
    this.progress = new BigInt64Array(progress)
  }

  /** Messages received so far. */
  get received(): number {
    return Number(Atomics.load(this.progress, 0))
  }
}

export const send = (task: Given<SendTask>): Generator<Sent> => new Generator('send', task)
export const exchange = (task: Given<ExchangeTask>): Generator<Exchanged> => new Generator('exchange', task)
export const hold = (task: Given<HoldTask>): Generator<void> => new Generator('hold', task)

export const receiveTraffic = (task: Given<ReceiveTrafficTask>): Generator<ReceivedTraffic> =>
  new Generator('receiveTraffic', task)
export const publishTraffic = (task: Given<PublishTrafficTask>): Generator<PublishedTraffic> =>
  new Generator('publishTraffic', task)

export const request = (task: Given<RequestTask>): Generator<RequestFigures> => new Generator('request', task)
export const liveShortly = (task: Given<ShortConnectionsTask>): Generator<Span> => new Generator('liveShortly', task)

export const publishStream = (task: Given<PublishStreamTask>): Generator<PublishedStream> =>
  new Generator('publishStream', task)
export const publishBatches = (task: Given<PublishBatchesTask>): Generator<PublishedStream> =>
  new Generator('publishBatches', task)
export const consumeStream = (task: Given<ConsumeStreamTask>): Generator<Span> => new Generator('consumeStream', task)
export const getStream = (task: Given<GetStreamTask>): Generator<RequestFigures> => new Generator('getStream', task)

/** Ends all threads; the bench could not exit otherwise. */
export async function closeGenerators(): Promise<void> {
  await pool.destroy()
}
