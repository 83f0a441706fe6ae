// The command: argv in, exit code out. The only file that reads either.

import { HEDDLE_VERSION, NATS_VERSION, PROGRAM } from './base/constants.ts'
import { attempt } from './base/guarded.ts'
import { nodeObstacle } from './base/node-version.ts'
import { type Command, parseFlags, type RunCommand } from './config/flags.ts'
import { tlsUsage, usage } from './config/help.ts'
import { check, load } from './config/load.ts'
import { surroundingsOf } from './config/surroundings.ts'
import { keepCompiled } from './process/compile-cache.ts'
import { run } from './process/run.ts'
import { sendSignal } from './process/send-signal.ts'

/** The exit code of `-t --test_reload` where a restart is needed. */
const EXIT_RESTART = 3

function fail(error: unknown, code = 1): never {
  process.stderr.write(`${PROGRAM}: ${error instanceof Error ? error.message : error}\n`)
  process.exit(code)
}

/** Serves, or only checks the configuration. */
async function obeyRun(command: RunCommand): Promise<void> {
  const surroundings = surroundingsOf(process.env)
  if (command.purpose === 'check') {
    const result = await check(command, surroundings)
    if ('refused' in result) fail(result.refused, result.restart ? EXIT_RESTART : 1)
    for (const line of [...result.notices, ...result.valid]) process.stderr.write(`${PROGRAM}: ${line}\n`)
    return
  }
  const result = await load(command, surroundings)
  if ('refused' in result) fail(result.refused)
  if (command.purpose === 'serve') {
    process.stderr.write(result.warnings)
    const reread = async () => {
      if (command.configFile === '') {
        throw new Error('can only reload config when a file is provided using -c or --config')
      }
      const again = await load(command, surroundings)
      if ('refused' in again) throw new Error(again.refused)
      return again.options
    }
    await run(result.options, result.notices, reread).catch(fail)
  } else {
    const { explain } = await import('./config/explain.ts')
    process.stdout.write(explain(result, command.all))
  }
}

async function obey(command: Command): Promise<void> {
  switch (command.kind) {
    case 'help':
      process.stdout.write(usage())
      break
    case 'tlsHelp':
      process.stdout.write(tlsUsage())
      break
    case 'version':
      process.stdout.write(`${PROGRAM}: v${NATS_VERSION} (heddle ${HEDDLE_VERSION})\n`)
      break
    case 'badFlag':
      process.stderr.write(`${command.text}\n`)
      process.stdout.write(usage())
      break
    case 'refused':
      fail(command.text)
      break
    case 'signal': {
      const refusal = sendSignal(command.spec)
      if (refusal !== undefined) fail(refusal)
      break
    }
    case 'run':
      await obeyRun(command)
      break
  }
}

const obstacle = nodeObstacle()
if (obstacle !== undefined) fail(`${obstacle}; npm rebuild heddle installs one`)
keepCompiled()
// Not awaited here: the command is built as CommonJS. A bug ends the process, and its stack is shown.
attempt(
  (bug) => {
    throw bug
  },
  () => obey(parseFlags(process.argv.slice(2))),
)
