// The process in which one library does one load: `client-worker.ts LIBRARY LOAD COUNT BYTES URL`. It prints what it
// measured, as JSON.

import { type Connect, type Connection, LOADS } from './client-loads.ts'
import { STREAM_LOADS } from './client-stream-loads.ts'

/** How each library connects; what the loads use is called the same in all. */
const LIBRARIES: Readonly<Record<string, (url: string) => Promise<Connect>>> = {
  heddle: async (url) => {
    const { connect } = await import('../src/client/index.ts')
    return () => connect({ servers: url }) as Promise<Connection>
  },
  'heddle/nats-core': async (url) => {
    const { connect } = await import('../src/nats-core/index.ts')
    return () => connect({ servers: url }) as Promise<Connection>
  },
  'nats.js 3': async (url) => {
    const { connect } = await import('@nats-io/transport-node')
    return () => connect({ servers: url }) as Promise<Connection>
  },
  'nats.js 2': async (url) => {
    const { connect } = await import('nats')
    return () => connect({ servers: url }) as Promise<Connection>
  },
  'bare sockets': async (url) => {
    const { connectBare } = await import('./client-floor.ts')
    return () => connectBare(url)
  },
  'in process': async () => {
    const { createServer } = await import('../src/index.ts')
    const server = createServer({ host: '127.0.0.1', port: -1, workers: 0 })
    return () => server.connect() as Promise<Connection>
  },
}

const [library, name, count, bytes, url] = process.argv.slice(2)
const load = [...LOADS, ...STREAM_LOADS].find((one) => one.name === name)
if (load === undefined) throw new Error(`there is no load ${name}`)
const connect = await LIBRARIES[library](url)
process.stdout.write(JSON.stringify(await load.run(connect, Number(count), Number(bytes))))
process.exit()
