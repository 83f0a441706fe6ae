// The logger of an embedding program, as an interface.

/** What console, pino and many others are. A line has no time, level or process number: the logger adds its own. */
export interface Logger {
  debug(line: string): unknown
  info(line: string): unknown
  warn(line: string): unknown
  error(line: string): unknown
}

export const LOGGER_FUNCTIONS: readonly (keyof Logger)[] = ['debug', 'info', 'warn', 'error']
