// The command: argv in, exit code out. The only file that reads either.

import { type Command, parseFlags, type RunCommand } from './config/flags.ts'
import { tlsUsage, usage } from './config/help.ts'
import { check, type Loaded, load } from './config/load.ts'
import { surroundingsOf } from './config/surroundings.ts'
import { HEDDLE_VERSION, NATS_VERSION } from './constants.ts'
import { Primary } from './primary.ts'

const PROGRAM = 'nats-server'

function fail(text: string): never {
  process.stderr.write(`${PROGRAM}: ${text}\n`)
  process.exit(1)
}

async function serve({ options, notices, warnings }: Loaded): Promise<void> {
  process.stderr.write(warnings)
  const primary = new Primary(options)
  for (const notice of notices) primary.log.warn(notice)
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

/** Serves, or only looks at the configuration. */
async function run(command: RunCommand): Promise<void> {
  const surroundings = surroundingsOf(process.env)
  if (command.purpose === 'check') {
    const result = await check(command, surroundings)
    if ('refused' in result) fail(result.refused)
    process.stderr.write(`${PROGRAM}: ${result.valid}\n`)
    return
  }
  const result = await load(command, surroundings)
  if ('refused' in result) fail(result.refused)
  if (command.purpose === 'serve') await serve(result)
  else {
    const { explain } = await import('./config/explain.ts')
    process.stdout.write(explain(result))
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
    case 'signal':
      fail(`cannot send ${command.spec}: signals are not there yet`)
      break
    case 'run':
      await run(command)
      break
  }
}

await obey(parseFlags(process.argv.slice(2)))
