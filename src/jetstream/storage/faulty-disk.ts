// A disk that can be made to fail, for the test kit: full, or slow. Without faults it is the disk below.

import type { Disk, OpenFor } from './disk.ts'

export interface DiskFaults {
  /** There is no room for another byte. */
  readonly isFull: boolean
  /** Milliseconds that a write or a sync takes besides. */
  readonly delayMs: number
}

export class FaultyDisk implements Disk {
  private readonly disk: Disk
  private present: DiskFaults = { isFull: false, delayMs: 0 }
  /** Ends the delays of calls that are under way. */
  private readonly delayed = new Set<() => void>()

  constructor(disk: Disk) {
    this.disk = disk
  }

  /** Calls that are delayed go on at once, by these. */
  set faults(faults: DiskFaults) {
    this.present = faults
    for (const go of this.delayed) go()
  }

  private async delay(): Promise<void> {
    const { delayMs } = this.present
    if (delayMs === 0) return
    await new Promise<void>((resolve) => {
      const go = (): void => {
        clearTimeout(timer)
        this.delayed.delete(go)
        resolve()
      }
      const timer = setTimeout(go, delayMs)
      this.delayed.add(go)
    })
  }

  private async meet(): Promise<void> {
    await this.delay()
    if (this.present.isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }

  get syncsWrites(): boolean {
    return this.disk.syncsWrites
  }

  async open(path: string, purpose: OpenFor): Promise<number> {
    if (purpose.startsWith('create')) await this.meet()
    return this.disk.open(path, purpose)
  }

  async write(fd: number, buffers: readonly Buffer[], position: number): Promise<void> {
    await this.meet()
    return this.disk.write(fd, buffers, position)
  }

  async sync(fd: number): Promise<void> {
    await this.delay()
    return this.disk.sync(fd)
  }

  close(fd: number): Promise<void> {
    return this.disk.close(fd)
  }

  read(fd: number, buffer: Buffer, position: number): Promise<number> {
    return this.disk.read(fd, buffer, position)
  }

  truncate(fd: number, bytes: number): Promise<void> {
    return this.disk.truncate(fd, bytes)
  }

  syncFolder(path: string): Promise<void> {
    return this.disk.syncFolder(path)
  }

  unlink(path: string): Promise<void> {
    return this.disk.unlink(path)
  }
}
