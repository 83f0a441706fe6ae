// A thread that floods a server by one connection at a time, as fast as it is taken (fair-turns.ts).

import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export interface FlooderTask {
  readonly port: number
  /** Sent once for each connection. */
  readonly hello: string
  /** Sent again and again. */
  readonly cycle: Uint8Array
  /** Operations in a cycle. */
  readonly operations: number
  /** After so many cycles the connection is closed and a new one begins; undefined: the server closes it, or nobody. */
  readonly cycles: number | undefined
  /** One Int32: operations that the kernel has taken. */
  readonly taken: SharedArrayBuffer
}

const { port, hello, cycle, operations, cycles, taken } = workerData as FlooderTask
const count = new Int32Array(taken)

function flood(): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let done = 0
  const next = (error?: Error | null): void => {
    if (error !== null && error !== undefined) return
    if (done > 0) Atomics.add(count, 0, operations)
    if (done++ === cycles) socket.end()
    else socket.write(cycle, next)
  }
  socket.on('error', () => undefined)
  socket.on('close', () => flood())
  socket.resume() // what the server says does not matter
  socket.write(hello, () => {
    parentPort?.postMessage('begun')
    next()
  })
}

flood()
