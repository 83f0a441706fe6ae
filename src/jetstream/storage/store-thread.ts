// The store thread of a server, as the thread sees it that has started it. It is replaced when it dies, or gets on no
// more; those who ask it get a new port then, and ask again.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import {
  HEARTBEAT_MS,
  RESTART_BACKOFF_MAX_MS,
  RESTART_BACKOFF_MIN_MS,
  SHARD_SETTLED_MS,
  STORE_STUCK_MS,
} from '../../base/constants.ts'
import { attempt, guarded, type OnBug } from '../../base/guarded.ts'
import { LoopClock } from '../../base/loop-clock.ts'
import { threadEntry } from '../../base/program-files.ts'
import { ThreadWatch } from '../../base/thread-watch.ts'
import type { CatalogueSettings } from './catalogue.ts'
import { type CallName, Heartbeat } from './heartbeat.ts'

const ENTRY = threadEntry('store-main')

/** What the thread is born with. */
export interface StoreThreadData {
  readonly settings: CatalogueSettings
  readonly heartbeat: SharedArrayBuffer
}

/** To the thread: a client's port, and its number; or that it is to end. */
export type ToStoreThread =
  | { readonly kind: 'client'; readonly port: MessagePort; readonly client: number }
  | { readonly kind: 'stop' }
/** From it: it serves; or it cannot, as the catalogue cannot be opened: then it ends. */
export type FromStoreThread = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly text: string }

/** Somebody who asks the thread: gets the port of each new one. `stuckCall`: over which call of theirs it was stuck. */
export type Connect = (port: MessagePort, stuckCall?: number) => void

export interface StoreThreadEvents {
  /** A thread has died, or was stuck; another takes its place by itself. `cause`: for operators, may be empty. */
  died(cause: string): void
  /** It has not got on for a while. */
  late(silentMs: number): void
  readonly bugMet: OnBug
}

export class StoreThread {
  private readonly settings: CatalogueSettings
  private readonly events: StoreThreadEvents
  /** With their numbers. */
  private readonly clients = new Map<Connect, number>()
  private lastClient = 0
  /** Undefined: it has died, and there is no other one yet. */
  private worker: Worker | undefined
  private heartbeat = new Heartbeat()
  private readonly clock = new LoopClock()
  private watch: ThreadWatch
  private readonly watching: NodeJS.Timeout
  private bornMs = 0
  private failures = 0
  private restart: NodeJS.Timeout | undefined
  private isClosed = false
  private isServing = false
  private hasServed = false
  private begun: (failure?: Error) => void = () => {}
  /** Resolves when the first thread serves. Rejects if it cannot. */
  readonly ready: Promise<void>

  constructor(settings: CatalogueSettings, events: StoreThreadEvents) {
    this.settings = settings
    this.events = events
    this.watch = this.newWatch()
    this.start()
    this.watching = setInterval(
      guarded(events.bugMet, () => this.look()),
      HEARTBEAT_MS,
    ).unref()
    this.ready = new Promise((resolve, reject) => {
      this.begun = (failure) => {
        if (failure === undefined) resolve()
        else reject(failure)
      }
    })
  }

  /** It answers what it is asked, as far as can be seen. */
  get isWell(): boolean {
    return this.isServing && !this.watch.isLate
  }

  /** Gives somebody a port now, and another one for each new thread. */
  connect(client: Connect): void {
    this.clients.set(client, ++this.lastClient)
    this.introduce(client, undefined)
  }

  disconnect(client: Connect): void {
    this.clients.delete(client)
  }

  /** Ends the thread when it has answered what it was asked before. */
  async close(): Promise<void> {
    this.isClosed = true
    clearTimeout(this.restart)
    clearInterval(this.watching)
    this.watch.close()
    const { worker } = this
    if (worker === undefined || worker.threadId < 0) return
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    this.tell({ kind: 'stop' }, [])
    await ended
  }

  /** Ends the thread, whatever it does: for tests of what follows. */
  async kill(): Promise<void> {
    await this.worker?.terminate()
  }

  private start(): void {
    this.bornMs = performance.now()
    this.heartbeat = new Heartbeat()
    const data: StoreThreadData = { settings: this.settings, heartbeat: this.heartbeat.memory }
    const worker = new Worker(ENTRY, { execArgv: [], name: 'heddle store', workerData: data })
    this.worker = worker
    let error: Error | undefined
    worker.on('error', (thrown: unknown) => {
      error = thrown instanceof Error ? thrown : new Error(String(thrown))
    })
    worker.once('message', (message: FromStoreThread) => {
      if (message.kind === 'failed') error = new Error(message.text)
      else if (this.worker === worker) this.serves()
    })
    worker.once('exit', () => {
      if (this.worker === worker) this.gone((this.hasServed ? error?.stack : error?.message) ?? '', undefined)
    })
  }

  private serves(): void {
    this.watch.close()
    this.watch = this.newWatch()
    this.isServing = true
    this.hasServed = true
    this.begun()
  }

  private newWatch(): ThreadWatch {
    return new ThreadWatch(0, this.heartbeat, this.clock, STORE_STUCK_MS)
  }

  private look(): void {
    this.clock.tick()
    if (!this.isServing || this.isClosed) return
    const { worker, watch } = this
    switch (watch.look()) {
      case 'late':
        this.events.late(watch.silentMs)
        return
      case 'stuck':
        // It may wait for the system, and then ends only when that answers: nobody waits for its end.
        attempt(this.events.bugMet, () => worker?.terminate())
        this.gone(`it is stuck, and has not got on for ${Math.round(watch.silentMs)} ms`, this.heartbeat.call)
    }
  }

  /** `cause`: for operators, may be empty. */
  private gone(cause: string, stuckOver: CallName | undefined): void {
    this.worker = undefined
    this.isServing = false
    if (this.isClosed) return
    if (!this.hasServed) {
      // The next one could not either: the keys are wrong, or the folder.
      this.isClosed = true
      this.begun(new Error(cause || 'the store thread ended before it began'))
      return
    }
    this.events.died(cause)
    if (performance.now() - this.bornMs > SHARD_SETTLED_MS) this.failures = 0
    const doublings = this.failures++
    const delayMs = doublings === 0 ? 0 : Math.min(RESTART_BACKOFF_MAX_MS, RESTART_BACKOFF_MIN_MS * 2 ** doublings)
    this.restart = setTimeout(() => {
      this.start()
      for (const [client, number] of this.clients) {
        this.introduce(client, number === stuckOver?.client ? stuckOver.call : undefined)
      }
    }, delayMs)
  }

  private introduce(client: Connect, stuckCall: number | undefined): void {
    if (this.worker === undefined) return
    const { port1, port2 } = new MessageChannel()
    this.tell({ kind: 'client', port: port1, client: this.clients.get(client) ?? 0 }, [port1])
    client(port2, stuckCall)
  }

  private tell(message: ToStoreThread, transfer: MessagePort[]): void {
    this.worker?.postMessage(message, transfer)
  }
}
