// A worker thread that keeps a server busy: a few connections that publish and receive as fast as they can.
// workerData: the port. Posts a message once all of them have something to do.

import { parentPort, workerData } from 'node:worker_threads'
import { RawClient } from './raw-client.ts'

const CONNECTIONS = 4
const port = workerData as number
const message = 'PUB load 16\r\n0123456789abcdef\r\n'.repeat(50)

const clients: RawClient[] = []
for (let i = 0; i < CONNECTIONS; i++) {
  const client = await RawClient.open(port)
  client.onMessage = () => undefined
  client.send('SUB load 1\r\n')
  await client.sync()
  clients.push(client)
}
parentPort?.postMessage('busy')
for (;;) {
  for (const client of clients) client.send(message)
  await new Promise(setImmediate)
  await clients[0].sync()
}
