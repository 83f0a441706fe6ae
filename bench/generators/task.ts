// What the tasks of a generator's thread have in common.

import type { MessagePort } from 'node:worker_threads'
import type { Command, Ready } from './tasks.ts'

/** Connections that are opened at the same time. */
export const DIALLING = 100

/** Milliseconds on a clock that all threads share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Opens `count` connections, `dialling` at a time, and tells the bench when all of them stand. */
export async function openAll<Connection>(
  count: number,
  control: MessagePort,
  open: (index: number) => Promise<Connection>,
  dialling = DIALLING,
): Promise<Connection[]> {
  const connections: Connection[] = []
  const startMs = now()
  let next = 0
  const dial = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      connections[index] = await open(index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(dialling, count) }, dial))
  const ready: Ready = { kind: 'ready', elapsedMs: now() - startMs }
  control.postMessage(ready)
  return connections
}

/** Rejects when a connection does; never resolves. */
export function anyFailed(connections: readonly { readonly failed: Promise<never> }[]): Promise<never> {
  const failed = Promise.race(connections.map((connection) => connection.failed))
  // Nobody may be waiting when it happens; who waits later still sees it.
  failed.catch(() => undefined)
  return failed
}

export function whenTold(control: MessagePort, kind: Command['kind']): Promise<void> {
  return new Promise((resolve) => {
    control.on('message', (command: Command) => {
      if (command.kind === kind) resolve()
    })
  })
}
