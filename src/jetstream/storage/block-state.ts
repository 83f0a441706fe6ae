// What a file store knows of one of its blocks while it is open.

import { join } from 'node:path'
import { type BlockCipher, cipherOf, type Encryption } from './block-cipher.ts'
import { type BlockHeader, blockName, checksumSalt, HEADER_BYTES } from './block-file.ts'
import type { PagePlace } from './block-summary.ts'
import type { BlockInfo } from './recovery.ts'

export class BlockState {
  readonly number: number
  readonly path: string
  header: BlockHeader
  /** Of its checksums. */
  salt: number
  /** With which each of its records is encrypted. */
  cipher: BlockCipher | undefined
  /** Where its records end, written or not; and up to where they are safe. */
  end: number
  safeEnd: number
  /** Where its pages are in the file; empty: records lie at their offsets. */
  pages: readonly PagePlace[]
  isSealed: boolean
  /** Its file has been made. */
  isOnDisk: boolean
  /** Written and not synced. */
  isUnsynced = false
  /** Changes whenever the file is replaced: what was read before may be of the other one. */
  version = 0
  /**
   * It may have messages that do not count. As long as such a message is in a file, the header of a block behind it
   * cuts it off, or its removal is in the log. So this block is written anew before one behind it is removed.
   */
  hasVoid = false
  /** Something of it is damaged: what can no longer be read stays in its file, if nobody removes it. */
  hasLosses = false
  /** While it is being sealed or written anew: resolves when that has ended. Its file may be the other one already. */
  busy: Promise<unknown> | undefined

  constructor(folder: string, info: BlockInfo, encryption: Encryption | undefined, isOnDisk: boolean) {
    this.number = info.number
    this.path = join(folder, blockName(info.number))
    this.header = info.header
    this.salt = checksumSalt(info.header)
    this.cipher = cipherOf(info.header, encryption)
    this.end = info.end
    this.safeEnd = isOnDisk ? info.end : HEADER_BYTES
    this.pages = info.pages
    this.isSealed = info.isSealed
    this.isOnDisk = isOnDisk
  }

  /** Its file has been replaced. */
  become(info: BlockInfo, encryption: Encryption | undefined): void {
    this.version++
    this.header = info.header
    this.salt = checksumSalt(info.header)
    this.cipher = cipherOf(info.header, encryption)
    this.end = info.end
    this.safeEnd = info.end
    this.pages = info.pages
    this.isSealed = info.isSealed
  }
}
