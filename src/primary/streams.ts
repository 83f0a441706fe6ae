// The list of all streams of a server, and the thread that keeps them on the disk: opened at the start.

import { streamLines } from '../jetstream/primary/room.ts'
import type { StreamList } from '../jetstream/primary/stream-list.ts'
import type { Log } from '../log/log.ts'
import type { Options } from '../options/options.ts'
import type { Query } from '../reports/query.ts'
import type { Report, StreamRow } from '../reports/rows.ts'

export interface StreamsOwner {
  /** Those in force. */
  readonly options: Options
  readonly log: Log
  /** Queries every shard; returns the answers that came. */
  query(query: Query): Promise<readonly Report[]>
}

/** Undefined: there are to be no streams. Rejects if the store cannot be opened. */
export async function openStreams(owner: StreamsOwner): Promise<StreamList | undefined> {
  const { log, options } = owner
  const { jetstream, workers } = options
  if (jetstream === undefined) return undefined
  log.info('Starting JetStream')
  for (const line of streamLines(jetstream)) log.info(line)
  const [{ StreamList }, { openStorage }] = await Promise.all([
    import('../jetstream/primary/stream-list.ts'),
    import('../jetstream/primary/storage-host.ts'),
  ])
  const { key, previousKey, storeDir: folder } = jetstream
  const storage = await openStorage({ folder, key, previousKey }, workers, {
    died: (cause) => log.error(`The store thread died and is replaced${cause === '' ? '' : `: ${cause}`}`),
    late: (silentMs) => log.warn(`The store thread has not got on for ${Math.round(silentMs)} ms`),
    bugMet: log.bug,
  })
  const listOwner = {
    get options() {
      return owner.options
    },
    log,
    askStreams: async (account: string, names: readonly string[], consumers: boolean) => {
      const reports = await owner.query({ kind: 'streams', account, names, consumers })
      return reports.flat() as StreamRow[]
    },
  }
  return StreamList.open(listOwner, storage)
}
