// Levels of log lines.

export type Level = 'info' | 'warn' | 'error' | 'fatal' | 'debug' | 'trace'
