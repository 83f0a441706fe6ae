// Conversations of clients with a server in a file: a line of JSON for each operation, in the order in which they went
// through the gateway. Bytes are in latin1, so that text can be read and nothing is lost.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { Operation } from './operations.ts'

/** One operation in a recording. */
export interface RecordedOperation {
  /** The number of the client. */
  readonly client: number
  readonly from: 'client' | 'server'
  readonly bytes: Buffer
}

export class Recording {
  private readonly file: number
  private readonly onStop: () => void
  private isOver = false

  /** Throws what opening the file throws. */
  constructor(path: string, onStop: () => void) {
    this.file = openSync(path, 'w')
    this.onStop = onStop
  }

  add({ bytes }: Operation, fromClient: boolean, client: number): void {
    const line = { client, from: fromClient ? 'client' : 'server', bytes: bytes.toString('latin1') }
    writeSync(this.file, `${JSON.stringify(line)}\n`)
  }

  /** Ends it: the file is complete. May be called again. */
  async stop(): Promise<void> {
    if (this.isOver) return
    this.isOver = true
    this.onStop()
    closeSync(this.file)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** Throws what reading the file throws, and SyntaxError for a line that is none of a recording. */
export function readRecording(path: string): RecordedOperation[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line, index) => {
    if (line === '') return []
    const wrong = (): SyntaxError => new SyntaxError(`${path}:${index + 1}: this is no line of a recording`)
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      throw wrong()
    }
    if (typeof value !== 'object' || value === null) throw wrong()
    const { client, from, bytes } = value as Record<string, unknown>
    if (typeof client !== 'number' || typeof bytes !== 'string' || (from !== 'client' && from !== 'server'))
      throw wrong()
    return [{ client, from, bytes: Buffer.from(bytes, 'latin1') }]
  })
}
