// Files that are open, a bounded number: the descriptors of a process are few, and streams are many.

import type { Disk, OpenFor } from './disk.ts'

interface OpenFile {
  /** Resolves when it is open. */
  readonly fd: Promise<number>
  /** Calls that use it now. */
  users: number
  /** It is closed when the last of them has ended. */
  isForgotten: boolean
}

/** Who creates a file goes on to write to it. */
const KEYS: Readonly<Record<OpenFor, string>> = {
  reading: 'r',
  writing: 'w',
  create: 'w',
  'writing synced': 's',
  'create synced': 's',
}

export class OpenFiles {
  private readonly disk: Disk
  private readonly limit: number
  /** By purpose and path, the one that was not used for longest first. */
  private readonly files = new Map<string, OpenFile>()

  constructor(disk: Disk, limit: number) {
    this.disk = disk
    this.limit = limit
  }

  /** Does something with a file, which is opened if it is not open for that purpose. */
  async use<T>(path: string, purpose: OpenFor, act: (fd: number) => Promise<T>): Promise<T> {
    const key = KEYS[purpose] + path
    const isNew = purpose.startsWith('create')
    let file = isNew ? undefined : this.files.get(key)
    if (file === undefined) {
      if (isNew) this.forget(path)
      file = { fd: this.disk.open(path, purpose), users: 0, isForgotten: false }
    } else this.files.delete(key)
    this.files.set(key, file)
    file.users++
    try {
      return await act(await file.fd)
    } catch (error) {
      // What failed is opened anew by whoever tries again.
      if (this.files.get(key) === file) this.files.delete(key)
      file.isForgotten = true
      throw error
    } finally {
      file.users--
      this.closeIfUnused(file)
      this.closeSurplus()
    }
  }

  /** Closes a file as soon as nobody uses it; later calls open it anew. */
  forget(path: string): void {
    for (const kind of new Set(Object.values(KEYS))) {
      const key = kind + path
      const file = this.files.get(key)
      if (file === undefined) continue
      this.files.delete(key)
      file.isForgotten = true
      this.closeIfUnused(file)
    }
  }

  private closeSurplus(): void {
    for (const [key, file] of this.files) {
      if (this.files.size <= this.limit) return
      if (file.users > 0) continue
      this.files.delete(key)
      file.isForgotten = true
      this.closeIfUnused(file)
    }
  }

  private closeIfUnused(file: OpenFile): void {
    if (file.users > 0 || !file.isForgotten) return
    // Nothing is to be done about a file that was not opened, or not closed.
    file.fd.then((fd) => this.disk.close(fd)).catch(() => {})
  }
}
