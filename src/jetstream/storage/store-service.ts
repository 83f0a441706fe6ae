// All that a store thread does for the others, or a thread for itself where there are no others: the catalogue, and the
// long work on blocks.

import { blockWork } from './block-work.ts'
import { Catalogue, type CatalogueSettings, type KeptConsumer, type KeptStream } from './catalogue.ts'
import type { StoreWork } from './store-work.ts'

export interface StoreService extends StoreWork {
  /** All streams, and what operators should know of how they were found. */
  streams(): Promise<{ readonly streams: readonly KeptStream[]; readonly notes: readonly string[] }>
  /** Keeps a stream's configuration. Answers its id: a new one, or the one that the stream of this name has. */
  putStream(account: string, name: string, config: string): Promise<number>
  /** A stream has another name and another configuration from now on. */
  moveStream(id: number, account: string, name: string, config: string): Promise<void>
  /** Forgets a stream and its consumers, and removes its folder. Its store is closed before. */
  deleteStream(id: number): Promise<void>
  /** Where a stream's blocks lie, and their key; undefined: they are not encrypted. */
  placeOf(id: number): Promise<{ readonly folder: string; readonly key: Uint8Array | undefined }>
  consumers(stream: number): Promise<readonly KeptConsumer[]>
  /** Keeps consumers, all of them or none. Those of streams that are gone are left out. */
  putConsumers(consumers: readonly KeptConsumer[]): Promise<void>
  deleteConsumer(stream: number, name: string): Promise<void>
}

/** The service in the thread that asks. Throws if the catalogue cannot be opened. */
export function openStoreService(settings: CatalogueSettings): StoreService & { close(): void } {
  const catalogue = new Catalogue(settings)
  return {
    ...blockWork,
    streams: async () => ({ streams: catalogue.streams(), notes: catalogue.notes }),
    putStream: async (account, name, config) => catalogue.putStream(account, name, config),
    moveStream: async (id, account, name, config) => catalogue.moveStream(id, account, name, config),
    deleteStream: (id) => catalogue.deleteStream(id),
    placeOf: async (id) => ({ folder: catalogue.folderOf(id), key: catalogue.keyOf(id) }),
    consumers: async (stream) => catalogue.consumers(stream),
    putConsumers: async (consumers) => catalogue.putConsumers(consumers),
    deleteConsumer: async (stream, name) => catalogue.deleteConsumer(stream, name),
    close: () => catalogue.close(),
  }
}
