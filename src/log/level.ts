// How much a line of the log matters.

export type Level = 'info' | 'warn' | 'error' | 'fatal' | 'debug' | 'trace'
