// Who keeps on the disk what streams are made of: a thread of its own, or, where there are to be no threads, this one.

import type { CatalogueSettings } from '../storage/catalogue.ts'
import { StoreClient } from '../storage/store-client.ts'
import { openStoreService, type StoreService } from '../storage/store-service.ts'
import { type Connect, StoreThread, type StoreThreadEvents } from '../storage/store-thread.ts'

export interface StorageHost {
  /** For the primary, and for a shard on its thread. */
  readonly service: StoreService
  /** Gives another thread a port to the service, and another port whenever the one who serves is another. */
  connect(client: Connect): void
  /** What is asked is answered, as far as can be seen. */
  readonly isWell: boolean
  disconnect(client: Connect): void
  /** Ends when what was asked before is answered. */
  close(): Promise<void>
  /** Ends the thread, whatever it does: for tests of what follows. */
  kill(): Promise<void>
}

/** `events` are told of the thread, if there is one. Rejects if what is on the disk cannot be opened. */
export async function openStorage(
  settings: CatalogueSettings,
  workers: number,
  events: StoreThreadEvents,
): Promise<StorageHost> {
  if (workers === 0) {
    const service = openStoreService(settings)
    const nothing = async (): Promise<void> => {}
    return {
      service,
      isWell: true,
      connect: nothing,
      disconnect: nothing,
      close: async () => service.close(),
      kill: nothing,
    }
  }
  const thread = new StoreThread(settings, events)
  await thread.ready
  const client = new StoreClient(events.bugMet)
  thread.connect((port, stuckCall) => client.connected(port, stuckCall))
  return {
    service: client.service,
    get isWell() {
      return thread.isWell
    },
    connect: (other) => thread.connect(other),
    disconnect: (other) => thread.disconnect(other),
    async close() {
      await thread.close()
      client.close()
    },
    kill: () => thread.kill(),
  }
}
