// Numbers that do not change any more, one for each slot of a segment, in as few bytes as they need. Most columns of a
// block lie near a straight line: sequences, offsets of messages of like sizes, times. What is kept is the distance
// from that line.
//
//     number i  =  base + i · stride + rest[i]        rest: of 0, 1, 2, 4 or 8 bytes each

type Rest =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | undefined

/** Plain data: it may be sent to another thread as it is. */
export interface Column {
  readonly base: number
  readonly stride: number
  /** Undefined: all are on the line. */
  readonly rest: Rest
}

/** The numbers that describe a column besides its rest. */
export const COLUMN_NUMBERS = 3

export function at({ base, stride, rest }: Column, i: number): number {
  return rest === undefined ? base + i * stride : base + i * stride + rest[i]
}

/** A column of the first `count` of these numbers, which are integers. */
export function columnOf(values: ArrayLike<number>, count = values.length): Column {
  if (count === 0) return { base: 0, stride: 0, rest: undefined }
  const stride = count === 1 ? 0 : Math.trunc((values[count - 1] - values[0]) / (count - 1))
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const distance = values[i] - i * stride
    if (distance < low) low = distance
    if (distance > high) high = distance
  }
  const rest = restOf(widthFor(high - low), count)
  if (rest !== undefined) for (let i = 0; i < count; i++) rest[i] = values[i] - i * stride - low
  return { base: low, stride, rest }
}

function widthFor(most: number): number {
  return most === 0 ? 0 : most < 2 ** 8 ? 1 : most < 2 ** 16 ? 2 : most < 2 ** 32 ? 4 : 8
}

/** An array of so many numbers of `width` bytes. */
function restOf(width: number, count: number): Rest {
  if (width === 0) return undefined
  if (width === 1) return new Uint8Array(count)
  if (width === 2) return new Uint16Array(count)
  return width === 4 ? new Uint32Array(count) : new Float64Array(count)
}

/** All numbers of a column, written to an array that has room for them. */
export function unfold<T extends Uint32Array | Float64Array>(column: Column, count: number, into: T): T {
  const { base, stride, rest } = column
  if (rest === undefined) for (let i = 0; i < count; i++) into[i] = base + i * stride
  else for (let i = 0; i < count; i++) into[i] = base + i * stride + rest[i]
  return into
}

// ── In a file ───────────────────────────────────────────────────────────────────────────────────────────────

/** Base, stride, and the width of the rest in bytes. */
export function describe({ base, stride, rest }: Column): number[] {
  return [base, stride, rest?.BYTES_PER_ELEMENT ?? 0]
}

/** The bytes of the rest. */
export function restBytes({ rest }: Column): Buffer {
  return rest === undefined ? Buffer.alloc(0) : Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength)
}

/** The column of `count` numbers that describe() has described, with its rest from `take`. */
export function columnFrom(description: ArrayLike<number>, count: number, take: (bytes: number) => Uint8Array): Column {
  const [base, stride, width] = [description[0], description[1], description[2]]
  const rest = restOf(width, count)
  if (rest !== undefined) new Uint8Array(rest.buffer).set(take(rest.byteLength))
  return { base, stride, rest }
}

/** The memory of a column. */
export function memoryOf({ rest }: Column): ArrayBuffer[] {
  return rest === undefined ? [] : [rest.buffer]
}
