// Lines for the logger of an embedding program. It runs on the program's thread; the lines of other threads go there by
// messages (sinks.ts). Nothing that it does reaches the server.

import { attempt } from '../base/guarded.ts'
import type { Level } from './level.ts'
import type { Logger } from './logger.ts'
import type { LogSink } from './sink.ts'

/** By which function a line of a level is logged. */
const FUNCTIONS: Readonly<Record<Level, keyof Logger>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'error',
}

const ignore = (): void => undefined

export function programSink(logger: Logger): LogSink {
  const write = (level: Level, line: string): void => {
    // There is nowhere to say that it failed.
    attempt(ignore, async () => {
      await logger[FUNCTIONS[level]](line)
    })
  }
  return { kind: 'program', write, close: ignore }
}
