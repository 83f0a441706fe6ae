// The command: argv in, exit code out. The only file that reads either.

import { HEDDLE_VERSION, NATS_VERSION } from './constants.ts'
import { parseFlags, USAGE } from './flags.ts'
import { normaliseOptions, type Options } from './options.ts'
import { Primary } from './primary.ts'

const PROGRAM = 'nats-server'

function fail(text: string): never {
  process.stderr.write(`${PROGRAM}: ${text}\n`)
  process.exit(1)
}

function checked(given: Parameters<typeof normaliseOptions>[0]): Options {
  try {
    return normaliseOptions(given)
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function serve(options: Options): Promise<void> {
  const primary = new Primary(options)
  let stopping = false
  const stop = (): void => {
    stopping = true
    void primary.close().then(() => process.exit(0))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    await primary.start()
  } catch (error) {
    if (stopping) return
    primary.log.fatal(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}

const command = parseFlags(process.argv.slice(2))
switch (command.kind) {
  case 'help':
    process.stdout.write(USAGE)
    break
  case 'version':
    process.stdout.write(`${PROGRAM}: v${NATS_VERSION} (heddle ${HEDDLE_VERSION})\n`)
    break
  case 'wrong':
    process.stderr.write(`${command.text}\n`)
    process.stdout.write(USAGE)
    break
  case 'serve':
    await serve(checked(command.options))
    break
}
