// The command: argv in, exit code out. The only file that reads either.

import { HEDDLE_VERSION, NATS_VERSION, PROGRAM } from './constants.ts'
import { parseFlags, USAGE } from './flags.ts'
import { normaliseOptions, type Options } from './options.ts'
import { run } from './run.ts'
import { sendSignal } from './send-signal.ts'

function fail(error: unknown): never {
  process.stderr.write(`${PROGRAM}: ${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}

function checked(given: Parameters<typeof normaliseOptions>[0]): Options {
  try {
    return normaliseOptions(given)
  } catch (error) {
    return fail(error)
  }
}

/** There is no config file to read again yet. */
function reread(): Options {
  throw new Error('can only reload config when a file is provided using -c or --config')
}

const command = parseFlags(process.argv.slice(2))
switch (command.kind) {
  case 'help':
    process.stdout.write(USAGE)
    break
  case 'version':
    process.stdout.write(`${PROGRAM}: v${NATS_VERSION} (heddle ${HEDDLE_VERSION})\n`)
    break
  case 'signal': {
    const refusal = sendSignal(command.spec)
    if (refusal !== undefined) fail(refusal)
    break
  }
  case 'wrong':
    process.stderr.write(`${command.text}\n`)
    process.stdout.write(USAGE)
    break
  case 'serve':
    await run(checked(command.options), reread).catch(fail)
    break
}
