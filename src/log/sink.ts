// The interface of a sink, and what a sink knows of the thread that writes to it.

import type { Level } from './level.ts'
import type { Logger } from './logger.ts'

export interface LogSink {
  readonly kind: 'none' | 'stderr' | 'file' | 'syslog' | 'program'
  /** Takes one whole line. Never throws, and never waits for long. */
  write(level: Level, line: string): void
  /** Opens the file again; only a file has it. */
  reopen?(): void
  /** Puts the file aside if it is too large. */
  rotate?(): void
  /** Does what the primary did to the file. */
  follow?(): void
  /** Rejects if the place cannot be reached, which is known only later. */
  readonly ready?: Promise<void>
  close(): void | Promise<void>
}

/** The thread that logs. */
export interface LogPlace {
  /** `primary`, or `shard N`. */
  readonly name: string
  /** One word of memory that all threads share: how often the log file was opened again. */
  readonly opened: SharedArrayBuffer
  /** Primary: the logger of the embedding program, if that is where lines go. */
  readonly logger?: Logger | undefined
  /** Shard: says something to the primary. The primary itself has none. */
  readonly tell?: (message: LogMessage) => void
}

/** Shard → primary. */
export type LogMessage =
  /** The log file is larger than it may be. */
  | { readonly kind: 'logFull' }
  /** A line for a sink that only the primary has; it counts the line off, in `underWay`, when it takes it. */
  | { readonly kind: 'logLine'; readonly level: Level; readonly line: string; readonly underWay?: Int32Array }

export function primaryPlace(): LogPlace {
  return { name: 'primary', opened: new SharedArrayBuffer(4) }
}
