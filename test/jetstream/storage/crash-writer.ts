// A process that writes to a store until it is killed, and says on its standard output what is certain (crash-run.ts):
//   crash-writer.ts FOLDER FLAVOUR SEED [thread]
// `thread`: the long work is done by a store thread, which is killed in the midst of it.
//
//     d 120         all up to 120 is durable
//     b 121 140     a batch of these is about to be appended
//     r 7 9         these are about to be removed
//     c 7 9         … and they are removed for good

import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { blockWork } from '../../../src/jetstream/storage/block-work.ts'
import { systemDisk } from '../../../src/jetstream/storage/disk.ts'
import { openFileStore } from '../../../src/jetstream/storage/file-store.ts'
import { OpenFiles } from '../../../src/jetstream/storage/open-files.ts'
import { PageCache } from '../../../src/jetstream/storage/page-cache.ts'
import { StoreClient } from '../../../src/jetstream/storage/store-client.ts'
import { StoreThread } from '../../../src/jetstream/storage/store-thread.ts'
import { ALL } from '../../../src/jetstream/storage/subject-filter.ts'
import { Random } from '../../support/random.ts'
import { crashMessage, crashSettings } from './crash-run.ts'

const MESSAGES_MAX = 3_000

const [folder, flavour, seed, way] = process.argv.slice(2)
const random = new Random(Number(seed))
const say = (line: string): unknown => writeSync(1, `${line}\n`)

function fail(error: unknown): never {
  say(`! ${error instanceof Error ? error.stack?.replaceAll('\n', ' ') : error}`)
  process.exit(1)
}

let work = blockWork
if (way === 'thread') {
  const thread = new StoreThread(
    { folder: join(folder, 'catalogue') },
    { died: () => {}, late: () => {}, bugMet: fail },
  )
  await thread.ready
  const client = new StoreClient(fail)
  thread.connect((port) => client.connected(port))
  const { service } = client
  /** In some of the calls the thread is killed while it works. */
  const deadly = <T>(call: Promise<T>): Promise<T> => {
    if (random.chance(0.3)) thread.kill().catch(fail)
    return call
  }
  work = {
    ...service,
    seal: (task) => deadly(service.seal(task)),
    compact: (task) => deadly(service.compact(task)),
    removedIn: (task) => deadly(service.removedIn(task)),
  }
}

const host = {
  disk: systemDisk,
  files: new OpenFiles(systemDisk, 8),
  cache: new PageCache(128 * 1024),
  work,
  bugMet: fail,
}
const { store } = await openFileStore(host, crashSettings(join(folder, 'blocks'), flavour), {
  becameDurable: () => say(`d ${store.durable}`),
  failed: (_first, _last, { text }) => fail(text),
  lost: ({ text }) => fail(text),
  trouble: ({ text }) => fail(text),
  recovered() {},
})

function append(): void {
  const { timeUs, subject, headers, payload } = crashMessage(store.last + 1)
  store.append(timeUs, Buffer.from(subject), Buffer.from(headers), Buffer.from(payload))
}

async function remove(): Promise<void> {
  const first = store.next(ALL, store.first + random.below(500))
  if (first === 0) return
  const last = Math.min(store.last, first + random.pick([0, 0, 3, 400]))
  say(`r ${first} ${last}`)
  for (let seq = first; seq <= last; seq++) store.remove(seq, random.chance(0.2))
  await store.flush()
  say(`c ${first} ${last}`)
}

/** Several removals wait for the disk at a time. */
let removing = 0

say(`d ${store.durable}`)
for (;;) {
  // So much that blocks are sealed, written anew and removed, and no more: all of it is read after each kill.
  const dice = store.messages > MESSAGES_MAX ? 99 : random.below(100)
  if (dice < 60) for (let i = random.below(30); i >= 0; i--) append()
  else if (dice < 75) {
    const count = 1 + random.below(40)
    say(`b ${store.last + 1} ${store.last + count}`)
    store.begin()
    for (let i = 0; i < count; i++) append()
    store.commit()
  } else if (removing < 5 && store.messages > 500) {
    removing++
    remove()
      .catch(fail)
      .finally(() => removing--)
  }
  await new Promise((resolve) => setImmediate(resolve))
}
