// Typed arrays that grow.

type Growing = Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Buffer<ArrayBuffer>

/** From so many items on, growth is by a quarter instead of doubling: what is unused would be much memory. */
const LARGE = 64 * 1024

/** How many items an array should have that has `length` and needs `need`. */
export function roomFor(length: number, need: number): number {
  let room = Math.max(length, 4)
  while (room < need) room = room < LARGE ? room * 2 : Math.ceil(room * 1.25)
  return room
}

/** A longer or shorter copy of an array; what is new in it is 0. */
export function grown<T extends Growing>(array: T, length: number): T {
  const larger =
    array instanceof Buffer
      ? Buffer.alloc(length)
      : array instanceof Uint32Array
        ? new Uint32Array(length)
        : new Float64Array(length)
  larger.set(array.length > length ? array.subarray(0, length) : array)
  return larger as T
}
