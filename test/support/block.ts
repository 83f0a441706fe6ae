/** Keeps this thread from turning its loop, as a machine without a free processor does, or a debugger. */
export function blockLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
