// The JSON of a page as bytes. A long page is written over several turns of the loop: the primary thread, which writes
// it, has connections to accept.

import { goJson } from '../base/go-format.ts'
import type { Json } from '../base/json.ts'
import { nextTurn } from '../reports/report-parts.ts'

/** Values that are written in one turn, about a millisecond of work. */
const TURN_VALUES = 4_096
const PIECE_CHARS = 64 * 1024

/** `indent`: blanks a level; 0 is the compact form. The same text as goJson's, in pieces. */
export async function writeJson(value: Json, indent: number): Promise<Buffer[]> {
  if (countValues(value, TURN_VALUES) < TURN_VALUES) return [Buffer.from(goJson(value, indent))]
  const writer = new JsonWriter(indent)
  await writer.write(value, 0)
  return writer.end()
}

/** The values in a value, itself included; no more than `max` are counted. */
function countValues(value: Json, max: number): number {
  if (typeof value !== 'object' || value === null) return 1
  let count = 1
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    count += countValues(member, max - count)
    if (count >= max) return max
  }
  return count
}

class JsonWriter {
  private readonly indent: number
  private readonly pieces: Buffer[] = []
  private text = ''
  /** Values written in this turn. */
  private values = 0

  constructor(indent: number) {
    this.indent = indent
  }

  async write(value: Json, level: number): Promise<void> {
    const count = countValues(value, TURN_VALUES)
    if (count < TURN_VALUES || typeof value !== 'object' || value === null) {
      const text = goJson(value, this.indent)
      this.text += this.indent === 0 ? text : text.replaceAll('\n', this.newLine(level))
      this.values += count
      if (this.text.length >= PIECE_CHARS) this.cut()
      if (this.values >= TURN_VALUES) {
        this.values = 0
        await nextTurn()
      }
      return
    }
    const isList = Array.isArray(value)
    const members = Object.entries(value as { readonly [member: string]: Json }).filter(([, one]) => one !== undefined)
    let before = isList ? '[' : '{'
    for (const [name, member] of members) {
      this.text += before + this.newLine(level + 1)
      if (!isList) this.text += `${goJson(name, 0)}:${this.indent === 0 ? '' : ' '}`
      await this.write(member, level + 1)
      before = ','
    }
    this.text += this.newLine(level) + (isList ? ']' : '}')
  }

  end(): Buffer[] {
    this.cut()
    return this.pieces
  }

  private newLine(level: number): string {
    return this.indent === 0 ? '' : `\n${' '.repeat(this.indent * level)}`
  }

  private cut(): void {
    this.pieces.push(Buffer.from(this.text))
    this.text = ''
  }
}
