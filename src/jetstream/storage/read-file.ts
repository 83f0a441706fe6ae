// A file that a store thread reads in its own time: its calls wait.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { allocateBlock, type Block } from '../../memory/block.ts'

export class ReadFile {
  readonly bytes: number
  private readonly fd: number

  constructor(path: string) {
    this.fd = openSync(path, 'r')
    this.bytes = fstatSync(this.fd).size
  }

  /** Bytes [offset, offset + length), or as many as there are. */
  read(offset: number, length: number): Block {
    const block = allocateBlock(Math.max(Math.min(length, this.bytes - offset), 0))
    for (let done = 0; done < block.capacity; ) {
      const read = readSync(this.fd, block.bytes, done, block.capacity - done, offset + done)
      if (read === 0) break
      done += read
    }
    return block
  }

  close(): void {
    closeSync(this.fd)
  }
}
