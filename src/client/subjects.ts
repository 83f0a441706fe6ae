// Subjects of messages as text. Most repeat: a table by hash keeps the latest, so that a message costs a comparison
// instead of a new text.

import { textOf } from './bytes.ts'

const SLOTS = 1024
/** Longer subjects are not kept. */
const KEPT_MAX = 128

export class Subjects {
  private readonly slots: string[] = new Array<string>(SLOTS).fill('')

  /** bytes[start, end) as text. */
  text(bytes: Uint8Array, start: number, end: number): string {
    let hash = 0
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]) | 0
    const slot = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (SLOTS - 1)
    const kept = this.slots[slot]
    if (isText(kept, bytes, start, end)) return kept
    const text = textOf(bytes, start, end)
    if (end - start <= KEPT_MAX) this.slots[slot] = text
    return text
  }
}

/** Whether bytes are this text; where either is not ASCII, they never are. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i]
    if (byte > 127 || text.charCodeAt(i) !== byte) return false
  }
  return true
}
