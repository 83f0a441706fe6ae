// A disk some calls of which fail.

import { type Disk, systemDisk } from '../../../src/jetstream/storage/disk.ts'

export class FaultyDisk implements Disk {
  readonly syncsWrites = systemDisk.syncsWrites
  /** Calls so far that change something. */
  calls = 0
  /** Whether the call that is about to be made fails, and how. */
  fault: (call: keyof Disk, bytes: number) => string | undefined = () => undefined

  private async meet(call: keyof Disk, bytes = 0): Promise<void> {
    this.calls++
    const code = this.fault(call, bytes)
    if (code !== undefined) throw Object.assign(new Error(`${code}: a fault on purpose, ${call}`), { code })
  }

  async open(...args: Parameters<Disk['open']>): Promise<number> {
    if (args[1].startsWith('create')) await this.meet('open')
    return systemDisk.open(...args)
  }

  async write(...args: Parameters<Disk['write']>): Promise<void> {
    const [fd, buffers, position] = args
    const bytes = buffers.reduce((sum, { length }) => sum + length, 0)
    try {
      await this.meet('write', bytes)
    } catch (error) {
      // What fails may have been done in part.
      await systemDisk.write(fd, [Buffer.concat(buffers).subarray(0, Math.floor(bytes / 2))], position)
      throw error
    }
    return systemDisk.write(...args)
  }

  async sync(fd: number): Promise<void> {
    await this.meet('sync')
    return systemDisk.sync(fd)
  }

  async syncFolder(path: string): Promise<void> {
    await this.meet('syncFolder')
    return systemDisk.syncFolder(path)
  }

  async truncate(...args: Parameters<Disk['truncate']>): Promise<void> {
    await this.meet('truncate')
    return systemDisk.truncate(...args)
  }

  async unlink(path: string): Promise<void> {
    await this.meet('unlink')
    return systemDisk.unlink(path)
  }

  close = systemDisk.close
  read = systemDisk.read
}
