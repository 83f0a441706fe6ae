// What the Deno transport of nats.js uses of Deno's `@std/io`: that package is in no npm registry.

interface Writer {
  write(bytes: Uint8Array): Promise<number>
}

/** Writes all of the bytes, however few the writer takes at once. */
export async function writeAll(writer: Writer, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) written += await writer.write(bytes.subarray(written))
}
