// The server as a program: loads and starts the rest, handles signals, and ends the process.

import { setFlagsFromString } from 'node:v8'
import { HEAP_GROWTH_PERCENT, PROGRAM } from '../base/constants.ts'
import { StartError } from '../base/errors.ts'
import { isOlder, NODE_PINNED } from '../base/node-version.ts'
import { logsToStderr } from '../log/log-options.ts'
import type { Options } from '../options/options.ts'
import { ShardThreads } from '../primary/shard-threads.ts'
import { shrinkWhenIdle } from './idle-heap.ts'
import { Signals } from './signals.ts'

/**
 * Resolves when clients are served; from then on signals rule, and one of them ends the process with code 0. Rejects
 * if the server cannot start. `reread` is called for each reload: it answers the options that the command line and
 * the config file now give, or throws what is wrong with them. `notices` are for the log.
 */
export async function run(options: Options, notices: readonly string[], reread: () => Promise<Options>): Promise<void> {
  // What pgrep and `--signal` look for. Secrets among the arguments disappear from the process list with it.
  process.title = PROGRAM
  const signals = new Signals()
  // The thread of the first shard starts while the rest is loaded.
  const threads = new ShardThreads()
  if (options.workers > 0) threads.begin(0)
  const { Primary } = await import('../primary/primary.ts')
  const primary = new Primary(options, threads)
  for (const notice of notices) primary.log.warn(notice)
  primary.rereadOptions = async () => primary.reload(await reread())
  const reload = async (): Promise<void> => {
    try {
      await primary.rereadOptions()
    } catch (error) {
      primary.log.error(`Failed to reload server configuration: ${error instanceof Error ? error.message : error}`)
    }
  }
  signals.serve(primary, reload, () => process.exit(0))
  try {
    await primary.start()
    keepHeapsSmall()
    shrinkWhenIdle()
  } catch (error) {
    if (signals.ending) return
    if (error instanceof StartError && logsToStderr(options)) process.exit(1) // the log has told why
    throw error
  }
}

/**
 * For the process and all its threads, so only if the process is Heddle's own; and only when the threads are up,
 * because V8 rejects cached code after a change of flags: a thread that begins afterwards takes 50 ms more.
 */
function keepHeapsSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`)
  // All that each connection runs is compiled at about the same time. Compilations that are done wait behind those to
  // come where another thread frees them: some 20 MiB a shard, which malloc does not give back.
  if (!isOlder(process.versions.node, NODE_PINNED)) setFlagsFromString('--no-maglev-destroy-on-background')
}
