// The store thread of a server, as the thread sees it that has started it. It is replaced when it dies; those who ask
// it get a new port then, and ask again.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { RESTART_BACKOFF_MAX_MS, RESTART_BACKOFF_MIN_MS, SHARD_SETTLED_MS } from '../../base/constants.ts'
import { threadEntry } from '../../base/program-files.ts'
import type { CatalogueSettings } from './catalogue.ts'

const ENTRY = threadEntry('store-main')

/** To the thread: a client's port, or that it is to end. */
export type ToStoreThread = { readonly kind: 'client'; readonly port: MessagePort } | { readonly kind: 'stop' }
/** From it: it serves; or it cannot, as the catalogue cannot be opened: then it ends. */
export type FromStoreThread = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly text: string }

/** Somebody who asks the thread: gets the port of each new one. */
export type Connect = (port: MessagePort) => void

export class StoreThread {
  private readonly settings: CatalogueSettings
  private readonly onDeath: (error: Error | undefined) => void
  private readonly clients = new Set<Connect>()
  private worker: Worker
  private bornMs = 0
  private failures = 0
  private restart: NodeJS.Timeout | undefined
  private isClosed = false
  private hasServed = false
  private begun: (failure?: Error) => void = () => {}
  /** Resolves when the first thread serves. Rejects if it cannot. */
  readonly ready: Promise<void>

  /** `onDeath` is told of a thread that died; another takes its place by itself. */
  constructor(settings: CatalogueSettings, onDeath: (error: Error | undefined) => void) {
    this.settings = settings
    this.onDeath = onDeath
    this.worker = this.start()
    this.ready = new Promise((resolve, reject) => {
      this.begun = (failure) => {
        if (failure === undefined) resolve()
        else reject(failure)
      }
    })
  }

  /** Gives somebody a port now, and another one for each new thread. */
  connect(client: Connect): void {
    this.clients.add(client)
    this.introduce(client)
  }

  disconnect(client: Connect): void {
    this.clients.delete(client)
  }

  /** Ends the thread when it has answered what it was asked before. */
  async close(): Promise<void> {
    this.isClosed = true
    clearTimeout(this.restart)
    const { worker } = this
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    if (worker.threadId < 0) return
    this.tell({ kind: 'stop' }, [])
    await ended
  }

  /** Ends the thread, whatever it does: for tests of what follows. */
  async kill(): Promise<void> {
    await this.worker.terminate()
  }

  private start(): Worker {
    this.bornMs = performance.now()
    const worker = new Worker(ENTRY, { execArgv: [], name: 'heddle store', workerData: this.settings })
    let error: Error | undefined
    worker.on('error', (thrown: unknown) => {
      error = thrown instanceof Error ? thrown : new Error(String(thrown))
    })
    worker.once('message', (message: FromStoreThread) => {
      if (message.kind === 'ready') {
        this.hasServed = true
        this.begun()
        return
      }
      error = new Error(message.text)
    })
    worker.once('exit', () => this.died(error))
    return worker
  }

  private died(error: Error | undefined): void {
    if (this.isClosed) return
    if (!this.hasServed) {
      // The next one could not either: the keys are wrong, or the folder.
      this.isClosed = true
      this.begun(error ?? new Error('the store thread ended before it began'))
      return
    }
    this.onDeath(error)
    if (performance.now() - this.bornMs > SHARD_SETTLED_MS) this.failures = 0
    const doublings = this.failures++
    const delayMs = doublings === 0 ? 0 : Math.min(RESTART_BACKOFF_MAX_MS, RESTART_BACKOFF_MIN_MS * 2 ** doublings)
    this.restart = setTimeout(() => {
      this.worker = this.start()
      for (const client of this.clients) this.introduce(client)
    }, delayMs)
  }

  private introduce(client: Connect): void {
    const { port1, port2 } = new MessageChannel()
    this.tell({ kind: 'client', port: port1 }, [port1])
    client(port2)
  }

  private tell(message: ToStoreThread, transfer: MessagePort[]): void {
    this.worker.postMessage(message, transfer)
  }
}
