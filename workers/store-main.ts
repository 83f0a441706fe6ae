// The entry of a store thread: serves the catalogue and the long work of stores. Wiring only.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { showHeartbeat } from '../src/jetstream/storage/heartbeat.ts'
import { serveStore } from '../src/jetstream/storage/store-client.ts'
import { openStoreService } from '../src/jetstream/storage/store-service.ts'
import type { FromStoreThread, StoreThreadData, ToStoreThread } from '../src/jetstream/storage/store-thread.ts'
import { keepCompiled } from '../src/process/compile-cache.ts'

const owner = parentPort as MessagePort
const data = workerData as StoreThreadData

function tell(message: FromStoreThread): void {
  owner.postMessage(message)
}

/** A thread that met a bug is of no use: it is replaced. */
function die(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}

/** Undefined, with the reason told: it cannot be opened. */
function open(): ReturnType<typeof openStoreService> | undefined {
  try {
    return openStoreService(data.settings)
  } catch (error) {
    tell({ kind: 'failed', text: error instanceof Error ? error.message : String(error) })
    return undefined
  }
}

const service = open()
if (service !== undefined) {
  owner.on('message', (message: ToStoreThread) => {
    if (message.kind === 'client') {
      serveStore(message.port, message.client, service, die)
      return
    }
    service.close()
    process.exit(0)
  })
  showHeartbeat(data.heartbeat)
  tell({ kind: 'ready' })
  keepCompiled()
}
