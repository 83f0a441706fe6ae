// A thread with a connection, which writes all that it was given at once when it is told to.

import { connect } from 'node:net'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'

export interface Flood {
  readonly port: number
  readonly text: string
  /** Two words: write now; it is written, as far as the kernel has taken it. */
  readonly steps: SharedArrayBuffer
}

const { port, text, steps } = workerData as Flood
const words = new Int32Array(steps)
const socket = connect(port, '127.0.0.1')
socket.once('data', () => {
  ;(parentPort as MessagePort).postMessage('connected')
  Atomics.wait(words, 0, 0)
  socket.write(text)
  Atomics.store(words, 1, 1)
  Atomics.notify(words, 1)
  socket.resume()
})
